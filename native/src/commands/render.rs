//! `packetwalk render`: the rules of a node, as the tool that loads them reads them.
//!
//! In ipvs mode that is several tools: by default the virtual servers for `ipvsadm -R`, and by `-o` the rest.
//!
//! **Left out**: the commands that make kube-ipvs0 and give it its addresses.

use crate::error::Error;
use crate::input::{Manifests, Settings};
use crate::output;
use packetwalk_core::ip::{Family, family};
use packetwalk_core::netfilter::dialect::{Dialect, ipset, iptables, ipvsadm, nft};
use packetwalk_core::netfilter::{Ruleset, TableFamily};
use packetwalk_core::proxy::ipvs_listing;
use packetwalk_core::sim::World;
use std::fmt::Write;

/// Print the rules kube-proxy would program on a node
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
    /// iptables-restore loads beside it in ipvs mode, or what the node's own tools would list
    #[arg(short, long, default_value = "load", value_parser = ["load", "ipset", "iptables", "list"])]
    output: String,
}

const EXAMPLES: &str = "Examples:
  packetwalk render -f static/manifests/clusterip.yaml
  packetwalk render -f my-services/ --node node-2 | nft -c -f -
  packetwalk render -f my-services/ --mode iptables | iptables-restore --test
  packetwalk render -f my-services/ --mode ipvs | ipvsadm -R
  packetwalk render -f my-services/ --mode ipvs -o ipset | ipset restore
  packetwalk render -f my-services/ --mode ipvs -o list
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
        let part = match form {
            Form::Rules => world.mode.dialect.print(transaction),
            // ipvsadm reads no comments.
            Form::VirtualServers => {
                text.push_str(&ipvsadm::save(&transaction.ipvs));
                continue;
            }
            Form::Sets => ipset::save(transaction.ipvs.sets()),
            Form::Listing => {
                transaction.apply(&mut listed)?;
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
    if matches!(form, Form::Listing) {
        text = listing(&world, &listed);
    }
    output::answer(&text)
}

/// What is printed.
#[derive(Clone, Copy)]
enum Form {
    Rules,
    VirtualServers,
    Sets,
    Listing,
}

impl Form {
    fn of(name: &str, world: &World) -> Result<Form, Error> {
        let mode = world.mode.name;
        match (name, mode) {
            ("load", "ipvs") => Ok(Form::VirtualServers),
            ("load", _) | ("iptables", "ipvs" | "iptables") => Ok(Form::Rules),
            ("ipset", "ipvs") => Ok(Form::Sets),
            ("list", _) => Ok(Form::Listing),
            (name, mode) => Err(Error::Input(format!("{mode} mode has nothing for {name}"))),
        }
    }
}

/// As the node's own tools list it.
fn listing(world: &World, ruleset: &Ruleset) -> String {
    match (world.mode.name, world.mode.dialect) {
        ("ipvs", _) => ipvs_listing(ruleset),
        (_, Dialect::Nft) => nft::list(ruleset),
        (_, Dialect::Iptables) => [TableFamily::Ip, TableFamily::Ip6]
            .map(|it| iptables::save(ruleset, it))
            .concat(),
    }
}

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
