//! Arbitrary bytes as a name: looked up by every resolver against cluster DNS; never a panic, always an end.
//!
//! The first byte chooses the resolver, the second the type of a direct question.

#![no_main]

use libfuzzer_sys::fuzz_target;
use packetwalk_core::chance::Chooser;
use packetwalk_core::dns::{
    Cache, Client, Fate, Question, RecordType, Resolver, Server, Transport, Wanted,
};
use packetwalk_core::sim::World;
use packetwalk_core::time::{Duration, Instant};
use std::sync::LazyLock;

static WORLD: LazyLock<World> =
    LazyLock::new(|| World::from_manifest(&Default::default(), None, 1));

fuzz_target!(|bytes: &[u8]| {
    let (choice, name) = bytes.split_at(bytes.len().min(2));
    let pick = |idx: usize| usize::from(choice.get(idx).copied().unwrap_or(0));
    let name = String::from_utf8_lossy(name);
    let clients = [Client::Glibc, Client::Musl123, Client::Musl, Client::Go];
    let kinds = [
        RecordType::A,
        RecordType::AAAA,
        RecordType::SRV,
        RecordType::PTR,
        RecordType::TXT,
        RecordType::ANY,
    ];
    let objects = &WORLD.objects;
    let server = Server::new(objects);
    let mut cache = Cache::default();
    let mut chooser = Chooser::seeded(1);
    let question = Question::new(&name, kinds[pick(1) % kinds.len()]);
    let transport = Transport::Udp { edns: None };
    let _ = server.answer(
        objects,
        &question,
        transport,
        Instant::START,
        &mut cache,
        &mut chooser,
    );
    let conf = "search default.svc.cluster.local svc.cluster.local\nnameserver 10.96.0.10\noptions ndots:5\n";
    let mut resolver = Resolver::new(
        clients[pick(0) % clients.len()],
        conf,
        "127.0.0.1 localhost\n",
    );
    let mut network = |sent: &packetwalk_core::dns::Sent| Fate::Answer {
        after: Duration::default(),
        answer: server.answer(
            objects,
            &sent.question,
            sent.transport,
            sent.at,
            &mut cache,
            &mut chooser,
        ),
    };
    let _ = resolver.look_up(&name, Wanted::Both, Instant::START, &mut network);
});
