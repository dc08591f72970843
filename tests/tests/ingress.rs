//! Ingress: who serves it, where it sends requests, and what that saves.

use packetwalk_core::controllers::{
    Answer, PathMatch, Unavailable, balancers, controller_service, hourly_cost, route,
};
use packetwalk_core::sim::Cluster;
use packetwalk_core::store::Propagation;
use packetwalk_tests::cluster::{cluster, delete, endpoints, events, named, pass, patch};
use serde_json::{Value, json};

const CLASS: &str = "---\napiVersion: networking.k8s.io/v1\nkind: IngressClass\nmetadata: {name: nginx, annotations: {ingressclass.kubernetes.io/is-default-class: 'true'}}\nspec: {controller: k8s.io/ingress-nginx}\n";

const POOL: &str = "---\napiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata: {name: p, namespace: metallb-system}\nspec: {addresses: [192.0.2.10/31]}\n";

fn pod(namespace: &str, name: &str, app: &str) -> String {
    format!(
        "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: {namespace}, labels: {{app: {app}}}}}\n\
         spec: {{containers: [{{name: c, image: x}}]}}\nstatus: {{phase: Running, conditions: [{{type: Ready, status: 'True'}}]}}\n"
    )
}

fn service(namespace: &str, name: &str, more: &str, spec: &str) -> String {
    format!(
        "---\napiVersion: v1\nkind: Service\nmetadata: {{name: {name}, namespace: {namespace}{more}}}\nspec: {{{spec}}}\n"
    )
}

/// The controller as its chart installs it, and two applications.
fn base() -> String {
    let labels = ", labels: {app.kubernetes.io/name: ingress-nginx, app.kubernetes.io/component: controller}";
    "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: ingress-nginx}\n".to_owned()
        + CLASS
        + POOL
        + &service(
            "ingress-nginx",
            "ingress-nginx-controller-admission",
            labels,
            "selector: {app: nginx}, ports: [{port: 443}]",
        )
        + &service(
            "ingress-nginx",
            "ingress-nginx-controller",
            labels,
            "type: LoadBalancer, selector: {app: nginx}, ports: [{port: 80}]",
        )
        + &pod("ingress-nginx", "controller", "nginx")
        + &service(
            "default",
            "api",
            "",
            "selector: {app: api}, ports: [{name: http, port: 80, targetPort: 8080}]",
        )
        + &service(
            "default",
            "web",
            "",
            "selector: {app: web}, ports: [{port: 80}]",
        )
        + &service(
            "default",
            "empty",
            "",
            "selector: {app: nobody}, ports: [{port: 80}]",
        )
        + &pod("default", "api-1", "api")
        + &pod("default", "web-1", "web")
}

fn ingress(name: &str, spec: &str) -> String {
    format!(
        "---\napiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {{name: {name}}}\nspec: {{{spec}}}\n"
    )
}

fn path(path_type: &str, path: &str, service: &str, port: &str) -> String {
    format!(
        "{{pathType: {path_type}, path: {path}, backend: {{service: {{name: {service}, port: {{{port}}}}}}}}}"
    )
}

fn answer(cluster: &Cluster, host: &str, path: &str) -> String {
    let routed = route(cluster.store().objects(), "nginx", host, path);
    let by = routed.rule.map_or(String::new(), |it| {
        let how = match it.matched {
            PathMatch::Exact(path) => format!("exact {path}"),
            PathMatch::Prefix(path) => format!("prefix {path}"),
            PathMatch::ImplementationSpecific(path) => format!("letters {path}"),
            PathMatch::DefaultBackend => "default".into(),
        };
        format!(
            "{} {} {how}: ",
            it.ingress.1,
            it.host.unwrap_or_else(|| "*".into())
        )
    });
    let answer = match routed.answer {
        Answer::Forwarded {
            service,
            port,
            endpoints,
        } => format!("{}:{port} x{}", service.1, endpoints.len()),
        Answer::NotFound => "404".into(),
        Answer::Unavailable { service, why } => match why {
            Unavailable::NoService => format!("503 no {}", service.1),
            Unavailable::NoPort => format!("503 no such port of {}", service.1),
            Unavailable::NoEndpoints => format!("503 nobody behind {}", service.1),
        },
    };
    by + &answer
}

#[test]
fn requests_go_by_host_and_path() {
    // Long because it is one table.
    let rules = format!(
        "rules: [{{host: a.example, http: {{paths: [{}, {}, {}, {}]}}}}, {{host: '*.b.example', http: {{paths: [{}]}}}}, {{http: {{paths: [{}]}}}}]",
        path("Prefix", "/", "web", "number: 80"),
        path("Prefix", "/api", "api", "name: http"),
        path("Exact", "/api/v1", "empty", "number: 80"),
        path("Prefix", "/api/gone", "gone", "number: 80"),
        path("Prefix", "/", "api", "number: 81"),
        path("Prefix", "/only", "web", "number: 80"),
    );
    let it = cluster(&(base() + &ingress("main", &rules)));
    for (host, path, expected) in [
        ("a.example", "/", "main a.example prefix /: web:80 x1"),
        (
            "A.example:8080",
            "/x?y=/api",
            "main a.example prefix /: web:80 x1",
        ),
        (
            "a.example",
            "/api/users",
            "main a.example prefix /api: api:80 x1",
        ),
        ("a.example", "/apis", "main a.example prefix /: web:80 x1"),
        (
            "a.example",
            "/api/v1",
            "main a.example exact /api/v1: 503 nobody behind empty",
        ),
        (
            "a.example",
            "/api/v1/",
            "main a.example prefix /api: api:80 x1",
        ),
        (
            "a.example",
            "/api/gone/x",
            "main a.example prefix /api/gone: 503 no gone",
        ),
        (
            "x.b.example",
            "/",
            "main *.b.example prefix /: 503 no such port of api",
        ),
        ("b.example", "/", "404"),
        ("x.y.b.example", "/", "404"),
        ("192.0.2.10", "/only/this", "main * prefix /only: web:80 x1"),
        (
            "x.b.example",
            "/only",
            "main *.b.example prefix /: 503 no such port of api",
        ),
    ] {
        assert_eq!(answer(&it, host, path), expected, "{host}{path}");
    }
    assert_eq!(
        route(it.store().objects(), "other", "a.example", "/").answer,
        Answer::NotFound,
        "another class has no rules"
    );
}

#[test]
fn who_is_older_wins_and_a_default_backend_answers_the_rest() {
    let rule = |service: &str| {
        format!(
            "rules: [{{host: a.example, http: {{paths: [{}]}}}}]",
            path("Prefix", "/x", service, "number: 80")
        )
    };
    let young = ingress("a-young", &rule("web")).replace(
        "{name: a-young}",
        "{name: a-young, creationTimestamp: '2025-02-01T00:00:00Z'}",
    );
    let old = ingress("b-old", &rule("api")).replace(
        "{name: b-old}",
        "{name: b-old, creationTimestamp: '2025-01-01T00:00:00Z'}",
    );
    let rest = ingress(
        "rest",
        "defaultBackend: {service: {name: web, port: {number: 80}}}",
    );
    let other = ingress(
        "other",
        &format!("ingressClassName: other, {}", rule("web")),
    );
    let it = cluster(&(base() + &young + &old + &rest + &other));
    assert_eq!(
        answer(&it, "a.example", "/x"),
        "b-old a.example prefix /x: api:80 x1"
    );
    assert_eq!(answer(&it, "a.example", "/"), "rest * default: web:80 x1");
    assert_eq!(answer(&it, "c.example", "/"), "rest * default: web:80 x1");
}

fn address(cluster: &Cluster, name: &str) -> Value {
    let document = cluster.store().document(&named(&format!("ingress/{name}")));
    document.map_or(Value::Null, |it| {
        it["status"]["loadBalancer"]["ingress"].clone()
    })
}

#[test]
fn an_ingress_has_the_address_of_its_controllers_load_balancer() {
    let rules = "defaultBackend: {service: {name: web, port: {number: 80}}}";
    let mut it = cluster(&(base() + &ingress("main", rules)));
    let service = controller_service(it.store().objects(), "nginx").expect("a controller");
    assert_eq!(service.metadata.name, "ingress-nginx-controller");
    assert_eq!(address(&it, "main"), json!([{"ip": "192.0.2.10"}]));
    let told = || "Sync: Scheduled for sync";
    let synced: Vec<String> = events(&it, "main");
    assert_eq!(synced.len(), 1, "{synced:?}");
    assert!(synced[0].contains(told()), "{synced:?}");
    // Another text is read again; a touch of the status is not.
    let backend = json!({"spec": {"defaultBackend": {"service": {"name": "api"}}}});
    patch(&mut it, "ingress/main", backend);
    pass(&mut it, 2);
    assert!(
        events(&it, "main")[0].contains("(x2)"),
        "{:?}",
        events(&it, "main")
    );
    // The controller gets another address, and so does the Ingress.
    patch(
        &mut it,
        "service/ingress-nginx/ingress-nginx-controller",
        json!({"metadata": {"annotations": {"metallb.io/loadBalancerIPs": "192.0.2.11"}}}),
    );
    pass(&mut it, 2);
    assert_eq!(address(&it, "main"), json!([{"ip": "192.0.2.11"}]));
}

#[test]
fn without_a_controller_an_ingress_does_nothing() {
    let rules = "defaultBackend: {service: {name: web, port: {number: 80}}}";
    let mut it = cluster(&(base() + &ingress("main", rules)));
    let without = cluster(
        &(CLASS.to_owned()
            + &service(
                "default",
                "web",
                "",
                "selector: {app: web}, ports: [{port: 80}]",
            )
            + &ingress("main", rules)),
    );
    assert_eq!(address(&without, "main"), Value::Null);
    assert_eq!(events(&without, "main"), Vec::<String>::new());
    // One that stops leaves the address it wrote, as a controller that is gone cannot take it back.
    delete(
        &mut it,
        "pod/ingress-nginx/controller",
        Propagation::Background,
    );
    pass(&mut it, 40);
    patch(
        &mut it,
        "ingress/main",
        json!({"spec": {"ingressClassName": "nginx"}}),
    );
    pass(&mut it, 2);
    assert_eq!(address(&it, "main"), json!([{"ip": "192.0.2.10"}]));
    assert_eq!(events(&it, "main").len(), 1);
}

#[test]
fn one_ingress_in_front_of_ten_services_costs_less_than_ten_load_balancers() {
    for (provider, ten, one) in [
        // Ten balancers and ten public addresses; two forwarding rules at the price of five; rules and addresses.
        ("aws:///us-east-1a/", 0.275, 0.0275),
        ("gce://p/z/", 0.075, 0.025),
        ("azure:///s/", 0.125, 0.03),
    ] {
        let node = |name: &str| {
            format!(
                "---\napiVersion: v1\nkind: Node\nmetadata: {{name: {name}}}\nspec: {{podCIDR: 10.244.1.0/24, providerID: '{provider}{name}'}}\nstatus: {{addresses: [{{type: InternalIP, address: 172.18.0.3}}]}}\n"
            )
        };
        let nlb = match provider.split(':').next() {
            Some("aws") => {
                ", annotations: {service.beta.kubernetes.io/aws-load-balancer-type: nlb}"
            }
            _ => "",
        };
        let default = "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: default}\n";
        let cost = |names: &[String]| {
            let services: String = names
                .iter()
                .map(|it| {
                    service(
                        "default",
                        it,
                        nlb,
                        "type: LoadBalancer, ports: [{port: 80}]",
                    )
                })
                .collect();
            let it = cluster(&(node("n1") + default + &services));
            hourly_cost(&balancers(it.store().objects())).usd_an_hour()
        };
        let names: Vec<String> = (0..10).map(|it| format!("api-{it}")).collect();
        assert!(
            (cost(&names) - ten).abs() < 1e-9,
            "{provider}: {}",
            cost(&names)
        );
        let one_name = ["ingress-nginx-controller".to_owned()];
        assert!(
            (cost(&one_name) - one).abs() < 1e-9,
            "{provider}: {}",
            cost(&one_name)
        );
    }
}

#[test]
fn a_request_goes_to_endpoints_that_are_ready() {
    let rules = "defaultBackend: {service: {name: api, port: {name: http}}}";
    let mut it = cluster(&(base() + &pod("default", "api-2", "api") + &ingress("main", rules)));
    let found = |it: &Cluster| match route(it.store().objects(), "nginx", "x", "/").answer {
        Answer::Forwarded { endpoints, .. } => endpoints
            .iter()
            .map(|(ip, port)| format!("{ip}:{port}"))
            .collect(),
        other => vec![format!("{other:?}")],
    };
    assert_eq!(found(&it), endpoints(&it, "api"));
    let unready = json!({"status": {"conditions": [{"type": "Ready", "status": "False"}]}});
    patch(&mut it, "pod/api-2", unready);
    pass(&mut it, 1);
    assert_eq!(found(&it).len(), 1);
}
