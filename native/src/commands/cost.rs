//! `packetwalk cost`: what the load balancers of a cluster cost by the hour.
//!
//! **Left out**: traffic, capacity units, machines and certificates: see [`packetwalk_core::controllers::Cost`].

use crate::error::Error;
use crate::input::{Manifests, Settings};
use crate::output;
use packetwalk_core::controllers::{Balancer, Cost, balancers, hourly_cost};
use serde_json::{Value, json};
use std::fmt::Write;

/// Print what the load balancers of a cluster cost by the hour, at list prices and without traffic
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    #[command(flatten)]
    manifests: Manifests,
    #[command(flatten)]
    settings: Settings,
    /// The form of the answer
    #[arg(short, long, default_value = "text", value_parser = ["text", "json"])]
    output: String,
}

const EXAMPLES: &str = "Examples:
  packetwalk cost -f ten-load-balancers.yaml
  packetwalk cost -f one-ingress.yaml
  packetwalk cost -f cluster.yaml -o json

A node's spec.providerID (aws://, gce://, azure://) says whose prices they are. A Service that is still <pending> costs
nothing yet.";

/// Prints the balancers and what is paid for. No balancer is a sound answer.
///
/// # Errors
/// When the manifests are wrong.
pub fn run(arguments: &Arguments) -> Result<(), Error> {
    let (_, world) = arguments.manifests.world(&arguments.settings)?;
    let all = balancers(&world.objects);
    let cost = hourly_cost(&all);
    if arguments.output == "json" {
        return output::json(&document(&all, &cost));
    }
    output::answer(&text(&all, &cost))
}

/// The address or the name that a balancer is known by.
fn address(balancer: &Balancer) -> String {
    let addresses: Vec<String> = balancer.addresses.iter().map(ToString::to_string).collect();
    let name = balancer.hostname.clone();
    name.unwrap_or_else(|| addresses.join(","))
}

fn text(all: &[Balancer], cost: &Cost) -> String {
    let mut text = String::new();
    // Writing into a text never fails.
    for it in all {
        let (namespace, name) = &it.service;
        let service = format!("{namespace}/{name}");
        let _ = writeln!(
            text,
            "{service:<32} {:<40} {}",
            it.product.name(),
            address(it)
        );
    }
    if !all.is_empty() {
        text.push('\n');
    }
    for it in &cost.lines {
        let _ = writeln!(
            text,
            "{:>4} x {:<40} {:>9} USD an hour  ({})",
            it.n,
            it.what,
            dollars(it.millicents_an_hour),
            it.list
        );
    }
    let _ = writeln!(
        text,
        "{:<47} {:>9.4} USD an hour, {:.2} a month of 730 hours",
        "together",
        cost.usd_an_hour(),
        cost.usd_a_month()
    );
    text
}

/// Thousandths of a cent as dollars.
fn dollars(millicents: u64) -> String {
    format!("{}.{:04}", millicents / 100_000, millicents % 100_000 / 10)
}

fn document(all: &[Balancer], cost: &Cost) -> Value {
    let balancers: Vec<Value> = all
        .iter()
        .map(|it| {
            json!({
                "service": format!("{}/{}", it.service.0, it.service.1),
                "product": it.product.name(),
                "address": address(it),
            })
        })
        .collect();
    let lines: Vec<Value> = cost
        .lines
        .iter()
        .map(|it| {
            json!({
                "what": it.what,
                "count": it.n,
                "usdAnHour": dollars(it.millicents_an_hour).parse::<f64>().unwrap_or_default(),
                "list": it.list,
            })
        })
        .collect();
    json!({
        "balancers": balancers,
        "lines": lines,
        "usdAnHour": cost.usd_an_hour(),
        "usdAMonth": cost.usd_a_month(),
    })
}
