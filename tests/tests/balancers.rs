//! Load balancers in detail: pools and their wishes, clouds and their ways, and what a balancer is as data.

use packetwalk_core::controllers::{
    Balancer, Delivery, HealthCheck, Provider, Scheme, SourceAddress, TargetObject, balancers,
    hourly_cost, outside_names,
};
use packetwalk_core::sim::Cluster;
use packetwalk_core::store::Propagation;
use packetwalk_tests::cluster::{cluster, delete, events, named, pass, patch};
use serde_json::{Value, json};

const AWS: &str = "service.beta.kubernetes.io/aws-load-balancer";

fn nodes(id: &str) -> String {
    let mut text =
        String::from("---\napiVersion: v1\nkind: Namespace\nmetadata: {name: default}\n");
    for idx in 1..3 {
        let zone = if idx == 1 { "us-east-1a" } else { "us-east-1b" };
        text.push_str(&format!(
            "---\napiVersion: v1\nkind: Node\nmetadata: {{name: n{idx}, labels: {{topology.kubernetes.io/zone: {zone}}}}}\n\
             spec: {{podCIDR: 10.244.{idx}.0/24, providerID: '{id}n{idx}'}}\nstatus: {{addresses: [{{type: InternalIP, address: 172.18.0.{}}}]}}\n",
            idx + 2
        ));
    }
    text
}

fn service(name: &str, annotations: &str, spec: &str) -> String {
    format!(
        "---\napiVersion: v1\nkind: Service\nmetadata: {{name: {name}, annotations: {{{annotations}}}}}\nspec: {{type: LoadBalancer, selector: {{app: a}}, {spec}}}\n"
    )
}

const PORTS: &str = "ports: [{port: 443, targetPort: 8443}]";

fn pool(name: &str, addresses: &str, more: &str) -> String {
    format!(
        "---\napiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata: {{name: {name}, namespace: metallb-system}}\nspec: {{addresses: [{addresses}]{more}}}\n"
    )
}

fn pod(name: &str, node: &str) -> String {
    format!(
        "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, labels: {{app: a}}}}\nspec: {{nodeName: {node}, containers: [{{name: c, image: x}}]}}\n\
         status: {{phase: Running, podIP: 10.244.1.9, conditions: [{{type: Ready, status: 'True'}}]}}\n"
    )
}

fn ips(cluster: &Cluster, name: &str) -> Vec<String> {
    let document = cluster.store().document(&named(&format!("service/{name}")));
    let ingress = document.map(|it| it["status"]["loadBalancer"]["ingress"].clone());
    let all = ingress.as_ref().and_then(Value::as_array);
    let text = |it: &Value| {
        it["ip"]
            .as_str()
            .or(it["hostname"].as_str())
            .map(str::to_owned)
    };
    all.into_iter().flatten().filter_map(text).collect()
}

/// Reasons and messages of a Service's events, without their times.
fn told(cluster: &Cluster, name: &str) -> Vec<String> {
    let all = events(cluster, name);
    let told = all.iter().filter_map(|it| it.split_once(' '));
    told.map(|it| it.1.to_owned()).collect()
}

#[test]
fn wishes_for_an_address_or_a_pool_are_met_or_refused_with_a_reason() {
    // Long because it is one table.
    let pools = pool("first", "192.0.2.0/30", ", avoidBuggyIPs: true")
        + &pool("hand", "192.0.2.100-192.0.2.101", ", autoAssign: false");
    for (annotations, spec, expected) in [
        ("", "", Ok("192.0.2.1")),
        ("metallb.io/loadBalancerIPs: 192.0.2.2", "", Ok("192.0.2.2")),
        (
            "metallb.universe.tf/loadBalancerIPs: 192.0.2.3",
            "",
            Ok("192.0.2.3"),
        ),
        ("", "loadBalancerIP: 192.0.2.101, ", Ok("192.0.2.101")),
        ("metallb.io/address-pool: hand", "", Ok("192.0.2.100")),
        (
            "metallb.universe.tf/address-pool: hand",
            "",
            Ok("192.0.2.100"),
        ),
        (
            "metallb.io/address-pool: nix",
            "",
            Err("unknown pool \"nix\""),
        ),
        (
            "metallb.io/loadBalancerIPs: 192.0.2.0",
            "",
            Err("[\"192.0.2.0\"] is not allowed in config"),
        ),
        (
            "metallb.io/loadBalancerIPs: 203.0.113.1",
            "",
            Err("[\"203.0.113.1\"] is not allowed in config"),
        ),
        (
            "metallb.io/loadBalancerIPs: 'x'",
            "",
            Err("invalid metallb.io/loadBalancerIPs: \"x\""),
        ),
        (
            "metallb.io/loadBalancerIPs: 192.0.2.2",
            "loadBalancerIP: 192.0.2.2, ",
            Err("service can not have both metallb.io/loadBalancerIPs and svc.Spec.LoadBalancerIP"),
        ),
        (
            "metallb.io/loadBalancerIPs: '2001:db8::1'",
            "",
            Err(
                "requested loadBalancer IP(s) [\"2001:db8::1\"] does not match the ipFamily of the service",
            ),
        ),
        (
            "metallb.io/loadBalancerIPs: 192.0.2.2, metallb.io/address-pool: hand",
            "",
            Err(
                "requested loadBalancer IP(s) [\"192.0.2.2\"] is not compatible with requested address pool hand",
            ),
        ),
    ] {
        let text = pools.clone() + &service("api", annotations, &format!("{spec}{PORTS}"));
        let it = cluster(&text);
        let (found, events) = (ips(&it, "api"), told(&it, "api"));
        match expected {
            Ok(ip) => {
                assert_eq!(found, [ip], "{annotations} {spec}");
                assert_eq!(events, [format!("IPAllocated: Assigned IP [\"{ip}\"]")]);
            }
            Err(why) => {
                let failed =
                    format!("AllocationFailed: Failed to allocate IP for \"default/api\": {why}");
                assert_eq!(found, Vec::<String>::new(), "{annotations} {spec}");
                assert_eq!(events, [failed], "{annotations} {spec}");
            }
        }
    }
}

#[test]
fn services_share_an_address_if_they_agree_on_a_key_and_have_no_port_in_common() {
    let at = "metallb.io/loadBalancerIPs: 192.0.2.1";
    let key = format!("{at}, metallb.io/allow-shared-ip: k");
    let other = format!("{at}, metallb.universe.tf/allow-shared-ip: l");
    let udp = "ports: [{port: 443, protocol: UDP}]";
    let local = "externalTrafficPolicy: Local, ports: [{port: 81}]";
    for (annotations, spec, why) in [
        (key.as_str(), "ports: [{port: 80}]", None),
        (key.as_str(), udp, None),
        (
            key.as_str(),
            PORTS,
            Some("port TCP/443 is already in use on \"192.0.2.1\""),
        ),
        (
            other.as_str(),
            "ports: [{port: 80}]",
            Some("can't change sharing key for \"default/b\", address also in use by default/a"),
        ),
        (
            at,
            "ports: [{port: 80}]",
            Some("can't change sharing key for \"default/b\", address also in use by default/a"),
        ),
        (
            key.as_str(),
            local,
            Some("can't change sharing key for \"default/b\", address also in use by default/a"),
        ),
    ] {
        let text = pool("p", "192.0.2.1/32", "")
            + &service("a", &key, PORTS)
            + &service("b", annotations, spec);
        let it = cluster(&text);
        assert_eq!(ips(&it, "a"), ["192.0.2.1"]);
        assert_eq!(
            ips(&it, "b").is_empty(),
            why.is_some(),
            "{annotations} {spec}"
        );
        if let Some(why) = why {
            assert!(told(&it, "b")[0].ends_with(why), "{:?}", told(&it, "b"));
        }
    }
}

#[test]
fn an_address_follows_pools_and_wishes_and_goes_to_who_waits() {
    let text = pool("p", "192.0.2.1-192.0.2.2", "")
        + &service("a", "", PORTS)
        + &service("b", "", PORTS)
        + &service("c", "", PORTS);
    let mut it = cluster(&text);
    let has = |it: &Cluster| ["a", "b", "c"].map(|name| ips(it, name).join(","));
    assert_eq!(has(&it), ["192.0.2.1", "192.0.2.2", ""]);
    let from = it.store().document(&named("service/a")).expect("it")["metadata"]["annotations"]
        ["metallb.io/ip-allocated-from-pool"]
        .clone();
    assert_eq!(from, "p");
    delete(&mut it, "service/a", Propagation::Background);
    pass(&mut it, 2);
    assert_eq!(
        has(&it),
        ["", "192.0.2.2", "192.0.2.1"],
        "who waited has it"
    );
    // Another type gives the address back, and what says where it came from.
    patch(&mut it, "service/c", json!({"spec": {"type": "NodePort"}}));
    pass(&mut it, 2);
    assert_eq!(has(&it), ["", "192.0.2.2", ""]);
    let wish = json!({"metadata": {"annotations": {"metallb.io/loadBalancerIPs": "192.0.2.1"}}});
    patch(&mut it, "service/b", wish);
    pass(&mut it, 2);
    assert_eq!(has(&it), ["", "192.0.2.1", ""]);
    patch(
        &mut it,
        "ipaddresspool/metallb-system/p",
        json!({"spec": {"addresses": ["192.0.2.7/32"]}}),
    );
    pass(&mut it, 2);
    let wish = json!({"metadata": {"annotations": {"metallb.io/loadBalancerIPs": null}}});
    patch(&mut it, "service/b", wish);
    pass(&mut it, 2);
    assert_eq!(has(&it), ["", "192.0.2.7", ""]);
    let cleared = told(&it, "b")
        .into_iter()
        .filter(|it| it.starts_with("ClearAssignment"));
    assert_eq!(cleared.count(), 1, "{:?}", told(&it, "b"));
}

fn one(text: &str) -> Balancer {
    let it = cluster(text);
    let mut all = balancers(it.store().objects());
    assert_eq!(all.len(), 1, "{text}");
    all.remove(0)
}

#[test]
fn what_arrives_at_a_node_depends_on_the_provider() {
    // Long because it is one table.
    use SourceAddress::{Kept, Replaced, ReplacedAndTold};
    let ip = format!("{AWS}-type: external, {AWS}-nlb-target-type: ip");
    let kept =
        format!("{ip}, {AWS}-target-group-attributes: 'preserve_client_ip.enabled=true,x=y'");
    for (id, annotations, delivery, source, crosses) in [
        ("gce://p/z/", String::new(), Delivery::Unchanged, Kept, true),
        (
            "azure:///s/",
            String::new(),
            Delivery::Unchanged,
            Kept,
            true,
        ),
        (
            "aws:///us-east-1a/",
            String::new(),
            Delivery::ToNodePort,
            Replaced,
            false,
        ),
        (
            "aws:///us-east-1a/",
            format!("{AWS}-proxy-protocol: '*'"),
            Delivery::ToNodePort,
            ReplacedAndTold,
            false,
        ),
        (
            "aws:///us-east-1a/",
            format!("{AWS}-type: nlb, {AWS}-cross-zone-load-balancing-enabled: 'true'"),
            Delivery::ToNodePort,
            Kept,
            true,
        ),
        (
            "aws:///us-east-1a/",
            format!("{AWS}-type: external"),
            Delivery::ToNodePort,
            Kept,
            false,
        ),
        ("aws:///us-east-1a/", ip, Delivery::ToPod, Replaced, false),
        ("aws:///us-east-1a/", kept, Delivery::ToPod, Kept, false),
    ] {
        let it = one(&(nodes(id) + &service("api", &annotations, PORTS) + &pod("a-1", "n1")));
        assert_eq!(
            (it.delivery, it.source, it.crosses_zones),
            (delivery, source, crosses),
            "{annotations}"
        );
        let node_port = it.listeners[0].node_port.expect("it has one");
        let ports: Vec<i32> = it.targets.iter().map(|it| it.port).collect();
        match delivery {
            Delivery::Unchanged => assert_eq!(ports, [443, 443]),
            Delivery::ToNodePort => assert_eq!(ports, [node_port, node_port]),
            Delivery::ToPod => {
                assert_eq!(ports, [8443]);
                let object = TargetObject::Pod(Some(("default".into(), "a-1".into())));
                assert_eq!(it.targets[0].object, object);
            }
        }
        assert_eq!(it.is_vip, it.provider != Provider::Aws);
    }
}

#[test]
fn with_a_local_policy_the_balancer_asks_nodes_and_finds_those_with_pods() {
    for (id, cluster_check) in [
        (
            "gce://p/z/",
            HealthCheck::Http {
                port: 10256,
                path: "/healthz",
            },
        ),
        ("aws:///us-east-1a/", HealthCheck::Traffic),
        ("azure:///s/", HealthCheck::Traffic),
    ] {
        let text = |spec: &str| nodes(id) + &service("api", "", spec) + &pod("a-1", "n1");
        let it = one(&text(PORTS));
        assert_eq!(it.health_check, cluster_check, "{id}");
        assert!(it.targets.iter().all(|it| it.is_healthy));
        let it = one(&text(&format!(
            "externalTrafficPolicy: Local, healthCheckNodePort: 32000, {PORTS}"
        )));
        let path = "/healthz";
        assert_eq!(it.health_check, HealthCheck::Http { port: 32000, path });
        let healthy: Vec<bool> = it.targets.iter().map(|it| it.is_healthy).collect();
        assert_eq!(healthy, [true, false], "{id}: the pod is on n1");
    }
}

#[test]
fn nodes_that_are_excluded_or_about_to_go_are_not_behind_balancers() {
    let mut it = cluster(&(nodes("aws:///us-east-1a/") + &service("api", "", PORTS)));
    let n = |it: &Cluster| balancers(it.store().objects())[0].targets.len();
    assert_eq!(n(&it), 2);
    let label = "node.kubernetes.io/exclude-from-external-load-balancers";
    patch(
        &mut it,
        "node/n1",
        json!({"metadata": {"labels": {label: ""}}}),
    );
    pass(&mut it, 2);
    assert_eq!(n(&it), 1);
    let updated = "UpdatedLoadBalancer: Updated load balancer with new hosts";
    assert_eq!(told(&it, "api").last().map(String::as_str), Some(updated));
    let taint = json!([{"key": "ToBeDeletedByClusterAutoscaler", "effect": "NoSchedule"}]);
    patch(&mut it, "node/n2", json!({"spec": {"taints": taint}}));
    pass(&mut it, 2);
    assert_eq!(n(&it), 0);
    let nobody = "UnAvailableLoadBalancer: There are no available nodes for LoadBalancer";
    assert_eq!(told(&it, "api").last().map(String::as_str), Some(nobody));
}

#[test]
fn amazons_names_say_what_they_are_and_stand_for_an_address_a_zone() {
    let external = format!("{AWS}-type: external");
    for (annotations, scheme, prefix, suffix) in [
        (
            String::new(),
            Scheme::Internet,
            "a",
            ".us-east-1.elb.amazonaws.com",
        ),
        (
            format!("{AWS}-internal: 'true'"),
            Scheme::Internal,
            "internal-a",
            ".us-east-1.elb.amazonaws.com",
        ),
        (
            format!("{AWS}-type: nlb"),
            Scheme::Internet,
            "a",
            ".elb.us-east-1.amazonaws.com",
        ),
        (
            external.clone(),
            Scheme::Internal,
            "k8s-default-api-",
            ".elb.us-east-1.amazonaws.com",
        ),
        (
            format!("{external}, {AWS}-scheme: internet-facing"),
            Scheme::Internet,
            "k8s-default-api-",
            ".elb.us-east-1.amazonaws.com",
        ),
    ] {
        let text = nodes("aws:///us-east-1a/") + &service("api", &annotations, PORTS);
        let it = one(&text);
        let name = it.hostname.clone().expect("a name");
        assert!(
            name.starts_with(prefix) && name.ends_with(suffix),
            "{annotations}: {name}"
        );
        assert_eq!(it.scheme, scheme, "{annotations}");
        assert_eq!(it.addresses.len(), 2, "two zones");
        let again = cluster(&text);
        let names = outside_names(again.store().objects());
        assert_eq!(names, [(name, it.addresses)], "the same by seed");
    }
}

#[test]
fn the_aws_load_balancer_controller_has_its_own_finalizer_class_and_words() {
    let text = nodes("aws:///us-east-1a/")
        + &service("by-type", &format!("{AWS}-type: external"), PORTS)
        + &service(
            "class",
            "",
            &format!("loadBalancerClass: service.k8s.aws/nlb, {PORTS}"),
        );
    let mut it = cluster(&text);
    assert_eq!(
        told(&it, "by-type"),
        [
            "EnsuringLoadBalancer: Ensuring load balancer",
            "SuccessfullyReconciled: Successfully reconciled"
        ]
    );
    assert_eq!(
        told(&it, "class"),
        ["SuccessfullyReconciled: Successfully reconciled"]
    );
    let finalizers = |it: &Cluster, name: &str| {
        let document = it.store().document(&named(&format!("service/{name}")));
        document.map_or(Value::Null, |it| it["metadata"]["finalizers"].clone())
    };
    assert_eq!(
        finalizers(&it, "class"),
        json!(["service.k8s.aws/resources"])
    );
    assert_eq!(
        finalizers(&it, "by-type"),
        json!([
            "service.kubernetes.io/load-balancer-cleanup",
            "service.k8s.aws/resources"
        ])
    );
    for name in ["by-type", "class"] {
        delete(&mut it, &format!("service/{name}"), Propagation::Background);
    }
    pass(&mut it, 2);
    assert!(it.store().document(&named("service/class")).is_none());
    assert!(it.store().document(&named("service/by-type")).is_none());
}

#[test]
fn what_a_cloud_refuses_is_tried_again_and_again_and_comes_when_it_is_mended() {
    for (annotations, spec, why) in [
        (
            "",
            "ports: [{port: 53, protocol: UDP}]",
            "Only TCP LoadBalancer is supported for AWS ELB",
        ),
        (
            "",
            "loadBalancerIP: 192.0.2.1, ports: [{port: 80}]",
            "LoadBalancerIP cannot be specified for AWS ELB",
        ),
        (
            "",
            "sessionAffinity: ClientIP, ports: [{port: 80}]",
            "unsupported load balancer affinity: ClientIP",
        ),
    ] {
        let text = nodes("aws:///us-east-1a/") + &service("api", annotations, spec);
        let mut it = cluster(&text);
        pass(&mut it, 60);
        let all = told(&it, "api");
        let failed = all
            .iter()
            .find(|it| it.starts_with("SyncLoadBalancerFailed"))
            .cloned();
        let failed = failed.unwrap_or_else(|| panic!("{all:?}"));
        assert!(
            failed.ends_with(&format!(
                "Error syncing load balancer: failed to ensure load balancer: {why}"
            )),
            "{failed}"
        );
        // After 0, 5, 15 and 35 seconds.
        assert!(failed.contains("(x4)"), "{failed}");
        assert_eq!(ips(&it, "api"), Vec::<String>::new());
        patch(
            &mut it,
            "service/api",
            json!({"spec": {"loadBalancerIP": null, "sessionAffinity": "None", "ports": [{"port": 80, "protocol": "TCP", "targetPort": 80, "nodePort": 30080}]}}),
        );
        pass(&mut it, 95);
        assert_eq!(ips(&it, "api").len(), 1, "{:?}", told(&it, "api"));
    }
}

#[test]
fn a_change_of_a_balanced_service_is_told_and_a_dump_is_taken_as_it_is() {
    let mut text = nodes("gce://p/z/") + &service("api", "", PORTS);
    text.push_str("status: {loadBalancer: {ingress: [{ip: 198.51.100.77}]}}\n");
    let mut it = cluster(&text);
    assert_eq!(ips(&it, "api"), ["198.51.100.77"]);
    assert_eq!(
        told(&it, "api"),
        Vec::<String>::new(),
        "it was there before"
    );
    patch(
        &mut it,
        "service/api",
        json!({"spec": {"externalTrafficPolicy": "Local", "healthCheckNodePort": 32001}}),
    );
    pass(&mut it, 2);
    patch(
        &mut it,
        "service/api",
        json!({"spec": {"loadBalancerSourceRanges": ["192.0.2.0/24"]}}),
    );
    pass(&mut it, 2);
    patch(
        &mut it,
        "service/api",
        json!({"spec": {"loadBalancerIP": "198.51.100.9"}}),
    );
    pass(&mut it, 2);
    assert_eq!(ips(&it, "api"), ["198.51.100.9"]);
    patch(
        &mut it,
        "service/api",
        json!({"spec": {"type": "ClusterIP", "externalTrafficPolicy": null, "healthCheckNodePort": null}}),
    );
    pass(&mut it, 2);
    let mut all = told(&it, "api");
    all.sort();
    assert_eq!(
        all,
        [
            "DeletedLoadBalancer: Deleted load balancer",
            "DeletingLoadBalancer: Deleting load balancer",
            "EnsuredLoadBalancer (x3): Ensured load balancer",
            "EnsuringLoadBalancer (x3): Ensuring load balancer",
            "ExternalTrafficPolicy: Cluster -> Local",
            "LoadBalancerSourceRanges: [] -> [192.0.2.0/24]",
            "LoadbalancerIP:  -> 198.51.100.9",
            "Type: LoadBalancer -> ClusterIP",
        ]
    );
}

#[test]
fn every_price_says_what_it_is_a_price_of() {
    for (id, n_lines) in [
        ("aws:///us-east-1a/", 2),
        ("gce://p/z/", 1),
        ("azure:///s/", 2),
    ] {
        let it = cluster(&(nodes(id) + &service("api", "", PORTS)));
        let all = balancers(it.store().objects());
        let cost = hourly_cost(&all);
        assert_eq!(cost.lines.len(), n_lines, "{cost:?}");
        assert!(
            cost.lines
                .iter()
                .all(|it| it.list.contains("list price") && it.list.contains("without traffic"))
        );
        assert!(
            (cost.usd_an_hour() - all[0].price.usd_an_hour).abs() < 1e-9,
            "{cost:?}"
        );
        assert!((cost.usd_a_month() - 730.0 * cost.usd_an_hour()).abs() < 1e-9);
    }
    let it = cluster(&(pool("p", "192.0.2.1/32", "") + &service("api", "", PORTS)));
    assert!(
        hourly_cost(&balancers(it.store().objects()))
            .lines
            .is_empty()
    );
}
