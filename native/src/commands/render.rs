//! `packetwalk render`: the rules of a node, as the tool that loads them reads them.
//!
//! **Left out**: ipvs mode.

use crate::error::Error;
use crate::input::{Manifests, Settings};
use crate::output;
use packetwalk_core::ip::{Family, family};
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
}

const EXAMPLES: &str = "Examples:
  packetwalk render -f static/manifests/clusterip.yaml
  packetwalk render -f my-services/ --node node-2 | nft -c -f -
  packetwalk render -f my-services/ --mode iptables | iptables-restore --test
  kubectl get svc,endpointslices,pods,nodes -A -o yaml | packetwalk render -f -";

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
    let mut text = String::new();
    for of in wanted {
        let has_family = world
            .objects
            .nodes
            .get(&node)
            .is_some_and(|it| it.internal_ips().into_iter().any(|it| family(it) == *of));
        if !has_family && arguments.family.is_none() {
            continue;
        }
        if let Some(programme) = world.programme(&node, *of) {
            // Writing to a String cannot fail.
            let _ = writeln!(
                text,
                "# kube-proxy on {node}, {} mode, {of}\n{}",
                world.mode.name,
                world.mode.dialect.print(&programme.transaction)
            );
        }
    }
    output::answer(&text)
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
