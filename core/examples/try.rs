//! scratch
use packetwalk_core::*;
fn main() {
    let text = std::fs::read_to_string("static/manifests/clusterip.yaml").unwrap();
    let m = api::read(&[api::File{name:"clusterip.yaml".into(), text: text.as_str().into()}]);
    for c in &m.complaints { println!("{c}"); }
    let w = sim::World::from_manifest(&m, None, 1);
    let r = sim::Request{from: sim::Source::parse("pod/client").unwrap(), to: sim::Destination::parse(&std::env::args().nth(1).unwrap_or("http://api".into()), net::Protocol::Tcp).unwrap()};
    let o = sim::outcomes(&w, &r, 100).unwrap();
    for b in &o.ways.branches {
        println!("{} {:?} {:?} {:?} {}", b.probability, b.result.ending.verdict, b.result.ending.destination, b.result.ending.object.as_ref().map(|o|o.to_string()), b.result.ending.rewritten);
        for s in &b.result.steps { println!("  {:?} {} | {} | {}", s.leg, s.host, s.after, match &s.kind { sim::StepKind::Hook{hook,outcome,trace,..} => format!("{hook} {outcome:?} {} events", trace.events.len()), k => serde_json::to_string(k).unwrap() }); }
    }
    let b=&o.ways.branches[0].result;
    for q in &b.lookup.as_ref().unwrap().resolution.queries { println!("{} {:?} {:?}", q.name, q.kind, q.answer.rcode); }
    println!("dns walk: {:?}", b.lookup.as_ref().unwrap().ending);
}
