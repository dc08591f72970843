//! `packetwalk apply`: the Services of some manifests in tables of our own on this machine. Nothing is loaded without
//! `--confirm`.
//!
//! **Left out**: watching: what changes later is applied by another call; kernel settings, which `doctor --node` looks at.

use crate::error::Error;
use crate::input::{Manifests, Settings};
use crate::keeper::rules::forget_stale;
use crate::kernel::{Place, nft, routing};
use crate::node::{node_of, tables};
use crate::output;
use packetwalk_core::proxy::Frontends;
use packetwalk_core::view::rules_changed;

/// Program the Services of some manifests on this machine, in tables of our own (needs root)
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    #[command(flatten)]
    manifests: Manifests,
    /// Where luck comes from, in what a cluster decides by it
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Which Node this machine is; by default the one whose address or name it has
    #[arg(long, value_name = "NAME")]
    node: Option<String>,
    /// Load it; otherwise it is only printed what would be loaded
    #[arg(long, conflicts_with = "dry_run")]
    confirm: bool,
    /// Load nothing, as without --confirm
    #[arg(long)]
    dry_run: bool,
}

const EXAMPLES: &str = "Examples:
  sudo packetwalk apply -f services.yaml
  sudo packetwalk apply -f services.yaml --node node-1 --confirm
  kubectl get svc,endpointslices,pods,nodes -A -o yaml | sudo packetwalk apply -f -
  sudo packetwalk clean

Without --confirm the transaction and its difference from what is loaded are printed, and the kernel checks it.
The tables are `ip packetwalk` and `ip6 packetwalk`, and for NetworkPolicies `packetwalk-netpol`; no others are touched.
Where kube-proxy's tables or chains are, nothing is done (exit code 1).";

/// Prints, or makes, the change.
///
/// # Errors
/// When the manifests are wrong, somebody else programs Services here, or the kernel refuses.
pub fn run(arguments: &Arguments) -> Result<(), Error> {
    let settings = Settings {
        mode: Some("nftables".to_owned()),
        seed: arguments.seed,
    };
    let (_, world) = arguments.manifests.world(&settings)?;
    let place = Place::Here;
    let others = tables::in_charge(place)?;
    if !others.is_empty() {
        return Err(Error::Input(format!(
            "somebody else programs Services on this machine: there is {}.\nTwo of them would rewrite the same packets. Stop kube-proxy here and remove its rules (kube-proxy --cleanup), or look with `packetwalk explain` at what it does",
            others.join(", and ")
        )));
    }
    let routing = routing::read(place)?;
    let node = node_of(&world, arguments.node.as_deref(), &routing)?;
    let plan = tables::plan(&world, &node, &routing, place)?;
    if plan.transaction.commands.is_empty() {
        return output::answer(&format!(
            "nothing to change: {} rules are loaded as they should be for {node}",
            plan.after.n_rules()
        ));
    }
    let text = plan.transaction.to_string();
    if !arguments.confirm {
        nft::check(place, &text)?;
        return output::answer(&format!(
            "# what would be loaded for {node}: one transaction\n{text}\n# what is different from what is loaded\n{}\n# nothing was loaded; the kernel would take it. Load it with --confirm",
            rules_changed(&plan.before, &plan.after)
        ));
    }
    nft::load(place, &text)?;
    let frontends: Vec<Frontends> = plan.snapshots.iter().map(Frontends::new).collect();
    forget_stale(place, &frontends)?;
    output::answer(&format!(
        "{}\nloaded for {node}: {} commands in one transaction; {} rules are there now. `packetwalk clean` removes them",
        rules_changed(&plan.before, &plan.after),
        plan.transaction.commands.len(),
        plan.after.n_rules()
    ))
}
