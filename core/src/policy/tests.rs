//! What policies come to, as nft's text.

use super::*;
use crate::api::{File, read};
use crate::store::Objects;

/// The rules of node-1 for the pods `api` (with a named port), `db` and `client`, and the policies given.
fn rules(policies: &str) -> String {
    let pods = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {team: shop}}\n---\n\
        apiVersion: v1\nkind: Pod\nmetadata: {name: api, namespace: default, labels: {app: api}}\n\
        spec: {nodeName: node-1, containers: [{name: c, ports: [{name: http, containerPort: 8080}]}]}\nstatus: {podIP: 10.244.1.5}\n---\n\
        apiVersion: v1\nkind: Pod\nmetadata: {name: client, namespace: default, labels: {app: client}}\n\
        spec: {nodeName: node-2, containers: [{name: c}]}\nstatus: {podIP: 10.244.2.9}\n---\n\
        apiVersion: v1\nkind: Pod\nmetadata: {name: web, namespace: shop, labels: {app: client}}\n\
        spec: {nodeName: node-2, containers: [{name: c, ports: [{name: http, containerPort: 9090}]}]}\nstatus: {podIP: 10.244.2.7}\n---\n";
    let manifest = read(&[File {
        name: "test.yaml".into(),
        text: format!("{pods}{policies}").as_str().into(),
    }]);
    let mut objects = Objects::default();
    for it in manifest.objects {
        objects.put(it.object);
    }
    let commands = sync(&objects, "node-1", Family::V4).transaction.commands;
    let text = commands.iter().map(ToString::to_string);
    let of_pods = text.filter(|it| it.contains("rule") && it.contains("gress-"));
    of_pods
        .map(|it| {
            it.trim_start_matches("add rule ip packetwalk-netpol ")
                .to_owned()
        })
        .collect::<Vec<_>>()
        .join("\n")
}

fn policy(spec: &str) -> String {
    format!(
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: p, namespace: default}}\nspec: {spec}\n"
    )
}

#[test]
fn without_a_policy_there_are_no_rules() {
    assert_eq!(rules(""), "");
    let other = policy("{podSelector: {matchLabels: {app: nobody}}}");
    assert_eq!(rules(&other), "");
}

#[test]
fn every_form_of_a_policy_becomes_the_rules_it_says() {
    let itself = "ingress-default/api ip saddr 10.244.1.5 return";
    let denied = "ingress-default/api drop";
    let rows: &[(&str, &[&str])] = &[
        // Chosen, and nothing is allowed.
        ("{podSelector: {}, policyTypes: [Ingress]}", &[]),
        // An empty rule allows everything.
        ("{podSelector: {}, ingress: [{}]}", &["return"]),
        // Pods of the policy's own namespace.
        (
            "{podSelector: {}, ingress: [{from: [{podSelector: {matchLabels: {app: client}}}]}]}",
            &["ip saddr 10.244.2.9 return"],
        ),
        // All pods of namespaces.
        (
            "{podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {team: shop}}}]}]}",
            &["ip saddr 10.244.2.7 return"],
        ),
        (
            "{podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: shop}}}]}]}",
            &["ip saddr 10.244.2.7 return"],
        ),
        // Pods of any namespace.
        (
            "{podSelector: {}, ingress: [{from: [{namespaceSelector: {}, podSelector: {matchLabels: {app: client}}}]}]}",
            &["ip saddr { 10.244.2.7 , 10.244.2.9 } return"],
        ),
        // Two peers of one rule: either.
        (
            "{podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {team: shop}}}, {podSelector: {matchLabels: {app: client}}}]}]}",
            &["ip saddr 10.244.2.7 return", "ip saddr 10.244.2.9 return"],
        ),
        // A range with a hole; every address needs no question.
        (
            "{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16]}}]}]}",
            &["ip saddr 10.0.0.0/8 ip saddr != 10.1.0.0/16 return"],
        ),
        (
            "{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 0.0.0.0/0}}], ports: [{port: 80}]}]}",
            &["tcp dport 80 return"],
        ),
        // Ports: numbers, ranges, names, a protocol alone.
        (
            "{podSelector: {}, ingress: [{ports: [{port: 8080}, {port: 53, protocol: UDP}]}]}",
            &["tcp dport 8080 return", "udp dport 53 return"],
        ),
        (
            "{podSelector: {}, ingress: [{ports: [{port: 8000, endPort: 8999}]}]}",
            &["tcp dport 8000-8999 return"],
        ),
        (
            "{podSelector: {}, ingress: [{ports: [{port: http}]}]}",
            &["tcp dport 8080 return"],
        ),
        (
            "{podSelector: {}, ingress: [{ports: [{port: nosuch}]}]}",
            &[],
        ),
        (
            "{podSelector: {}, ingress: [{ports: [{protocol: UDP}]}]}",
            &["meta l4proto udp return"],
        ),
        // Nobody of the other family.
        (
            "{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 'fd00::/8'}}]}]}",
            &[],
        ),
    ];
    for (spec, allowed) in rows {
        let mut expected = vec![itself.to_owned()];
        expected.extend(allowed.iter().map(|it| format!("ingress-default/api {it}")));
        expected.push(denied.to_owned());
        assert_eq!(rules(&policy(spec)), expected.join("\n"), "{spec}");
    }
}

#[test]
fn egress_is_closed_where_a_policy_looks_that_way() {
    let both = rules(&policy(
        "{podSelector: {}, egress: [{to: [{namespaceSelector: {}}], ports: [{port: http}]}]}",
    ));
    assert_eq!(
        both,
        "egress-default/api ip daddr 10.244.1.5 return\n\
         egress-default/api ip daddr 10.244.1.5 tcp dport 8080 return\n\
         egress-default/api ip daddr 10.244.2.7 tcp dport 9090 return\n\
         egress-default/api drop\n\
         ingress-default/api ip saddr 10.244.1.5 return\n\
         ingress-default/api drop"
    );
    let only_egress = rules(&policy("{podSelector: {}, policyTypes: [Egress]}"));
    assert!(!only_egress.contains("ingress"), "{only_egress}");
}

#[test]
fn policies_add_up_and_every_rule_has_a_sentence() {
    let one = policy("{podSelector: {}, ingress: [{ports: [{port: 80}]}]}");
    let two = one.replace("name: p", "name: q").replace("80", "81");
    let text = rules(&format!("{one}---\n{two}"));
    assert!(text.contains("tcp dport 80 return"), "{text}");
    assert!(text.contains("tcp dport 81 return"), "{text}");
    assert_eq!(text.matches("drop").count(), 1, "{text}");
}
