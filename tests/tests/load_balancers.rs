//! LoadBalancer Services: who answers, when, and what it costs.

use packetwalk_core::controllers::Provider;
use packetwalk_core::sim::Cluster;
use packetwalk_core::store::Propagation;
use packetwalk_tests::cluster::{cluster, delete, events, named, pass, patch};
use serde_json::{Value, json};

fn text(id: &str, services: &str) -> String {
    let mut text = String::new();
    for (name, ip) in [("n1", "172.18.0.3"), ("n2", "172.18.0.4")] {
        text.push_str(&format!(
            "---\napiVersion: v1\nkind: Node\nmetadata: {{name: {name}}}\nspec: {{podCIDR: 10.244.{}.0/24, providerID: '{id}{name}'}}\n\
             status: {{addresses: [{{type: InternalIP, address: {ip}}}]}}\n",
            &name[1..]
        ));
    }
    text.push_str("---\napiVersion: v1\nkind: Namespace\nmetadata: {name: default}\n");
    text + services
}

fn service(name: &str, more: &str) -> String {
    format!(
        "---\napiVersion: v1\nkind: Service\nmetadata: {{name: {name}{more}}}\nspec: {{type: LoadBalancer, selector: {{app: a}}, ports: [{{port: 443, targetPort: 8080}}]}}\n"
    )
}

fn ingress(cluster: &Cluster, name: &str) -> Value {
    let document = cluster.store().document(&named(&format!("service/{name}")));
    document.map_or(Value::Null, |it| {
        it["status"]["loadBalancer"]["ingress"][0].clone()
    })
}

#[test]
fn without_a_provider_an_address_is_pending_for_ever_and_the_node_port_is_there() {
    let mut it = cluster(&service("api", ""));
    pass(&mut it, 3600);
    assert_eq!(ingress(&it, "api"), Value::Null);
    assert_eq!(events(&it, "api"), Vec::<String>::new());
    let spec = it
        .store()
        .objects()
        .service("default", "api")
        .expect("it")
        .spec
        .clone();
    assert!(spec.cluster_ip.is_some() && spec.ports[0].node_port.is_some());
}

#[test]
fn a_cloud_takes_thirty_to_ninety_seconds_and_says_so() {
    for (id, provider) in [
        ("aws:///us-east-1a/", Provider::Aws),
        ("gce://project/zone/", Provider::Gcp),
        ("azure:///subscriptions/", Provider::Azure),
    ] {
        let mut it = cluster(&text(id, ""));
        assert_eq!(Provider::of(it.store().objects()), provider);
        let request = packetwalk_core::store::api::Request::new(
            packetwalk_core::store::api::Verb::Create(
                json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "api"}, "spec": {"type": "LoadBalancer", "ports": [{"port": 443}]}}).to_string(),
            ),
            &named("service/api"),
        );
        it.request(&request).expect("made");
        pass(&mut it, 29);
        assert_eq!(ingress(&it, "api"), Value::Null, "{provider:?}");
        pass(&mut it, 63);
        let found = ingress(&it, "api");
        assert_eq!(
            found["hostname"].is_string(),
            provider == Provider::Aws,
            "{found}"
        );
        assert_eq!(
            found["ip"].is_string(),
            provider != Provider::Aws,
            "{found}"
        );
        let told: Vec<String> = events(&it, "api")
            .iter()
            .map(|it| it.split(' ').nth(1).unwrap_or_default().to_owned())
            .collect();
        assert_eq!(told, ["EnsuringLoadBalancer:", "EnsuredLoadBalancer:"]);
        // A change of type gives the address back, and keeps the rest.
        patch(
            &mut it,
            "service/api",
            json!({"spec": {"type": "ClusterIP"}}),
        );
        pass(&mut it, 2);
        assert_eq!(ingress(&it, "api"), Value::Null);
        delete(&mut it, "service/api", Propagation::Background);
        pass(&mut it, 2);
        assert!(
            it.store().document(&named("service/api")).is_none(),
            "{provider:?}"
        );
    }
}

#[test]
fn a_pool_answers_at_once_in_order_and_says_when_it_is_empty() {
    let pool = "---\napiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata: {name: first, namespace: metallb-system}\nspec: {addresses: [192.0.2.10-192.0.2.11]}\n";
    let text = pool.to_owned() + &service("a", "") + &service("b", "") + &service("c", "");
    let it = cluster(&text);
    let mut ips: Vec<String> = ["a", "b", "c"]
        .iter()
        .map(|name| {
            ingress(&it, name)["ip"]
                .as_str()
                .unwrap_or("pending")
                .to_owned()
        })
        .collect();
    ips.sort();
    assert_eq!(ips, ["192.0.2.10", "192.0.2.11", "pending"]);
    assert!(it.clock().now.as_millis() < 5000);
    let told = events(&it, "");
    assert!(
        told.iter()
            .any(|it| it.contains("AllocationFailed: Failed to allocate IP for \"default/")),
        "{told:#?}"
    );
    let asked = service(
        "d",
        ", annotations: {metallb.io/loadBalancerIPs: 192.0.2.11}",
    );
    let it = cluster(&(pool.to_owned() + &asked));
    assert_eq!(ingress(&it, "d")["ip"], "192.0.2.11");
}

#[test]
fn ten_load_balancers_cost_ten_times_what_one_in_front_of_an_ingress_does() {
    let nlb = ", annotations: {service.beta.kubernetes.io/aws-load-balancer-type: nlb}";
    let ten: String = (0..10)
        .map(|it| service(&format!("api-{it}"), nlb))
        .collect();
    let cost = |services: &str| -> f64 {
        let it = cluster(&text("aws:///us-east-1a/", services));
        let services = it.store().objects().services.values();
        let balanced = services.filter(|it| it.kind() == "LoadBalancer");
        balanced.map(|it| Provider::Aws.price(it).usd_an_hour).sum()
    };
    assert!((cost(&ten) - 0.225).abs() < 1e-9, "{}", cost(&ten));
    assert!((cost(&service("ingress-nginx", nlb)) - 0.0225).abs() < 1e-9);
    let it = cluster(&text("aws:///us-east-1a/", &service("classic", "")));
    let classic = it
        .store()
        .objects()
        .service("default", "classic")
        .expect("it")
        .clone();
    assert_eq!(
        Provider::Aws.price(&classic).product,
        "AWS Classic Load Balancer"
    );
}

#[test]
fn a_class_that_nobody_serves_is_left_alone() {
    let text = text(
        "gce://p/z/",
        &service("api", "").replace(
            "type: LoadBalancer",
            "type: LoadBalancer, loadBalancerClass: example.com/mine",
        ),
    );
    let mut it = cluster(&text);
    pass(&mut it, 200);
    assert_eq!(ingress(&it, "api"), Value::Null);
}

#[test]
fn the_hostname_a_cloud_gives_resolves_from_a_pod() {
    use packetwalk_core::chance::Chooser;
    use packetwalk_core::dns::{Cache, Question, RecordType, Transport};
    let it = cluster(&text("aws:///us-east-1a/", &service("api", "")));
    let hostname = ingress(&it, "api")["hostname"]
        .as_str()
        .expect("a hostname")
        .to_owned();
    let world = packetwalk_core::sim::World::of_cluster(std::sync::Arc::new(it), None);
    let answer = world.dns_server().answer(
        &world.objects,
        &Question::new(&hostname, RecordType::A),
        Transport::Udp { edns: None },
        packetwalk_core::time::Instant::START,
        &mut Cache::default(),
        &mut Chooser::seeded(1),
    );
    assert!(
        answer.addresses().next().is_some(),
        "{hostname}: {answer:?}"
    );
}
