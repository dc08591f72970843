//! `packetwalk render`: the rules of a node, as the tool that loads them reads them.
//!
//! In ipvs mode that is several tools: by default the virtual servers for `ipvsadm -R`, and by `-o` the rest. The
//! NetworkPolicies of the node's pods are a table of nft's in every mode: it comes along where the mode's own rules are
//! nft's, and by `-o policies` alone.
//!
//! **Left out**: the commands that make kube-ipvs0 and give it its addresses.

use crate::error::Error;
use crate::input::{Manifests, Settings};
use crate::output;
use packetwalk_core::ip::{Family, family};
use packetwalk_core::netfilter::dialect::{Dialect, ipset, ipvsadm};
use packetwalk_core::netfilter::{Ruleset, Transaction};
use packetwalk_core::policy;
use packetwalk_core::sim::World;
use std::fmt::Write;

/// Print the rules of a node: kube-proxy's, and those of its pods' NetworkPolicies
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    #[command(flatten)]
    manifests: Manifests,
    #[command(flatten)]
    settings: Settings,
    /// The node; by default the first, by name, that is no control plane
    #[arg(long)]
    node: Option<String>,
    /// The rules of one family only
    #[arg(long, value_parser = ["ipv4", "ipv6"])]
    family: Option<String>,
    /// In which form: what the mode's tool loads (nft -f, iptables-restore, ipvsadm -R), what ipset restore or
    /// iptables-restore loads beside it in ipvs mode, what nft -f loads for NetworkPolicies, or what the node's own tools
    /// would list
    #[arg(short, long, default_value = "load", value_parser = ["load", "ipset", "iptables", "policies", "list"])]
    output: String,
}

const EXAMPLES: &str = "Examples:
  packetwalk render -f static/manifests/clusterip.yaml
  packetwalk render -f my-services/ --node node-2 | nft -c -f -
  packetwalk render -f my-services/ --mode iptables | iptables-restore --test
  packetwalk render -f my-services/ --mode ipvs | ipvsadm -R
  packetwalk render -f my-services/ --mode ipvs -o ipset | ipset restore
  packetwalk render -f my-services/ --mode ipvs -o list
  packetwalk render -f my-services/ --mode iptables -o policies | nft -c -f -
  kubectl get svc,endpointslices,pods,nodes -A -o yaml | packetwalk render -f -

ipvs mode is deprecated since Kubernetes 1.35; nftables mode takes its place.";

/// Prints the rules.
///
/// # Errors
/// When the manifests are wrong, or there is no such node.
pub fn run(arguments: &Arguments) -> Result<(), Error> {
    let (_, world) = arguments.manifests.world(&arguments.settings)?;
    let node = node(&world, arguments.node.as_deref())?;
    let wanted = match arguments.family.as_deref() {
        Some("ipv4") => &Family::ALL[..1],
        Some("ipv6") => &Family::ALL[1..],
        _ => &Family::ALL[..],
    };
    let form = Form::of(&arguments.output, &world)?;
    let mut text = String::new();
    let mut listed = Ruleset::default();
    for of in wanted {
        let has_family = world
            .objects
            .nodes
            .get(&node)
            .is_some_and(|it| it.internal_ips().into_iter().any(|it| family(it) == *of));
        if !has_family && arguments.family.is_none() {
            continue;
        }
        let Some(programme) = world.programme(&node, *of) else {
            continue;
        };
        let transaction = &programme.transaction;
        let policies = policy::sync(&world.objects, &node, *of).transaction;
        let part = match form {
            Form::Rules => {
                let mut part = world.mode.dialect.print(transaction);
                part.push_str(&beside(&world, &policies));
                part
            }
            Form::Policies => {
                text.push_str(&of_policies(&node, *of, &policies));
                continue;
            }
            // ipvsadm reads no comments.
            Form::VirtualServers => {
                text.push_str(&ipvsadm::save(&transaction.ipvs));
                continue;
            }
            Form::Sets => ipset::save(transaction.ipvs.sets()),
            Form::Listing => {
                transaction.apply(&mut listed)?;
                if world.mode.dialect == Dialect::Nft {
                    policies.apply(&mut listed)?;
                }
                continue;
            }
        };
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "# kube-proxy on {node}, {} mode, {of}\n{part}",
            world.mode.name
        );
    }
    if matches!(form, Form::Policies) && text.is_empty() {
        text = format!("# no NetworkPolicy chooses a pod of {node}\n");
    }
    if matches!(form, Form::Listing) {
        text = world.mode.list(&listed);
    }
    output::answer(&text)
}

/// What is printed.
#[derive(Clone, Copy)]
enum Form {
    Rules,
    VirtualServers,
    Sets,
    Policies,
    Listing,
}

impl Form {
    fn of(name: &str, world: &World) -> Result<Form, Error> {
        let mode = world.mode.name;
        match (name, mode) {
            ("load", "ipvs") => Ok(Form::VirtualServers),
            ("load", _) | ("iptables", "ipvs" | "iptables") => Ok(Form::Rules),
            ("ipset", "ipvs") => Ok(Form::Sets),
            ("policies", _) => Ok(Form::Policies),
            ("list", _) => Ok(Form::Listing),
            (name, mode) => Err(Error::Input(format!("{mode} mode has nothing for {name}"))),
        }
    }
}

/// What NetworkPolicies have beside kube-proxy's rules: the same tool's commands, or where to find them.
fn beside(world: &World, policies: &Transaction) -> String {
    match (policies.commands.is_empty(), world.mode.dialect) {
        (true, _) => String::new(),
        (false, Dialect::Nft) => format!("\n{POLICIES}\n{policies}"),
        (false, Dialect::Iptables) => format!("{POLICIES} are nft's: -o policies\n"),
    }
}

/// The table of NetworkPolicies alone.
fn of_policies(node: &str, of: Family, policies: &Transaction) -> String {
    match policies.commands.is_empty() {
        true => String::new(),
        false => format!("{POLICIES} of the pods on {node}, {of}\n{policies}\n"),
    }
}

/// Begins what is said about them.
const POLICIES: &str = "# NetworkPolicies";

/// The node asked for, or the first that is no control plane.
fn node(world: &World, told: Option<&str>) -> Result<String, Error> {
    let nodes = &world.objects.nodes;
    let known = || nodes.keys().cloned().collect::<Vec<_>>().join(", ");
    match told {
        Some(name) if nodes.contains_key(name) => Ok(name.to_owned()),
        Some(name) => Err(Error::Input(format!(
            "there is no node {name}: there are {}",
            known()
        ))),
        None => nodes
            .values()
            .find(|it| {
                let label = "node-role.kubernetes.io/control-plane";
                !it.metadata.labels.contains_key(label)
            })
            .or_else(|| nodes.values().next())
            .map(|it| it.metadata.name.clone())
            .ok_or_else(|| Error::Input("there is no node".into())),
    }
}
