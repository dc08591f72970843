//! What balancers cost, so that ten of them can be compared with one in front of an Ingress.
//!
//! List prices by the hour, in US dollars, before tax and without traffic, as the providers' public price pages gave them
//! in 2025: Amazon us-east-1 (aws.amazon.com/elasticloadbalancing/pricing, aws.amazon.com/vpc/pricing), Google us-central1
//! (cloud.google.com/vpc/network-pricing), Azure East US (azure.microsoft.com/pricing/details/load-balancer and
//! .../ip-addresses). Prices change: they show proportions and are no offer.
//!
//! **Left out**: traffic and capacity units, which every provider adds; the machines that MetalLB and an Ingress
//! controller run on; other regions.

use super::{Amazon, Balancer, Provider, Scheme, cloud};
use crate::api::Service;
use crate::sorted::sort;

/// What is sold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Product {
    /// No provider: somebody else gave the address.
    Unknown,
    /// An address of a pool.
    MetalLb,
    /// Amazon's classic balancer.
    AwsClassic,
    /// Amazon's network balancer.
    AwsNetwork,
    /// Google's external passthrough balancer.
    GcpExternal,
    /// Google's internal passthrough balancer.
    GcpInternal,
    /// A frontend of the cluster's Azure Standard Load Balancer.
    AzureExternal,
    /// The same of its internal one.
    AzureInternal,
}

/// What a product costs by itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Price {
    /// The product.
    pub product: &'static str,
    /// US dollars an hour.
    pub usd_an_hour: f64,
    /// Where and when that was the list price; empty for what costs nothing.
    pub list: &'static str,
}

/// What all balancers of a cluster cost together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cost {
    /// What is paid for.
    pub lines: Vec<CostLine>,
}

/// Something that is paid for.
#[derive(Clone, Debug, PartialEq)]
pub struct CostLine {
    /// What.
    pub what: &'static str,
    /// How many.
    pub n: usize,
    /// Thousandths of a US cent an hour, for all of them.
    pub millicents_an_hour: u64,
    /// Where and when that was the list price.
    pub list: &'static str,
}

const AWS: &str = "list price, us-east-1, 2025, without traffic";
const GCP: &str = "list price, us-central1, 2025, without traffic";
const AZURE: &str = "list price, East US, 2025, without traffic";

const CLASSIC: u64 = 2500;
const NETWORK: u64 = 2250;
/// An hour of a public IPv4 address at Amazon, and of a standard one at Azure.
const PUBLIC_ADDRESS: u64 = 500;
/// Google's forwarding rules and Azure's rules: the first five together, and each one more.
const RULES: Tiers = Tiers {
    n_first: 5,
    first: 2500,
    each_more: 1000,
};

struct Tiers {
    n_first: usize,
    first: u64,
    each_more: u64,
}

impl Tiers {
    fn of(&self, n: usize) -> u64 {
        let n_more = u64::try_from(n.saturating_sub(self.n_first)).unwrap_or(u64::MAX);
        let first = if n == 0 { 0 } else { self.first };
        first + n_more.saturating_mul(self.each_more)
    }
}

impl Product {
    /// What a provider sells for a Service.
    #[must_use]
    pub fn of(service: &Service, provider: Provider) -> Product {
        let is_internal = cloud::is_internal(service, provider);
        match provider {
            Provider::Nobody => Product::Unknown,
            Provider::MetalLb => Product::MetalLb,
            Provider::Aws => match Amazon::of(service) {
                Amazon::Classic => Product::AwsClassic,
                Amazon::Network | Amazon::External => Product::AwsNetwork,
            },
            Provider::Gcp if is_internal => Product::GcpInternal,
            Provider::Gcp => Product::GcpExternal,
            Provider::Azure if is_internal => Product::AzureInternal,
            Provider::Azure => Product::AzureExternal,
        }
    }

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Product::Unknown => "none",
            Product::MetalLb => "MetalLB",
            Product::AwsClassic => "AWS Classic Load Balancer",
            Product::AwsNetwork => "AWS Network Load Balancer",
            Product::GcpExternal => "Google Cloud forwarding rule",
            Product::GcpInternal => "Google Cloud internal forwarding rule",
            Product::AzureExternal => "Azure Standard Load Balancer",
            Product::AzureInternal => "Azure internal Standard Load Balancer",
        }
    }

    /// What it costs when it is the only one of its cluster.
    pub(super) fn price(self, service: &Service, scheme: Scheme, n_zones: usize) -> Price {
        let cost = cost_of(&[Item {
            product: self,
            n_rules: n_rules(self, service),
            n_addresses: match (self, scheme) {
                (_, Scheme::Internal) => 0,
                (Product::AwsClassic | Product::AwsNetwork, Scheme::Internet) => n_zones,
                (_, Scheme::Internet) => 1,
            },
        }]);
        Price {
            product: self.name(),
            usd_an_hour: cost.usd_an_hour(),
            list: cost.lines.first().map_or("", |it| it.list),
        }
    }
}

impl Provider {
    /// The list price of a balancer for this Service by itself, without its public addresses.
    #[must_use]
    pub fn price(self, service: &Service) -> Price {
        Product::of(service, self).price(service, Scheme::Internal, 1)
    }
}

impl Cost {
    /// US dollars an hour.
    #[must_use]
    pub fn usd_an_hour(&self) -> f64 {
        let sum: u64 = self.lines.iter().map(|it| it.millicents_an_hour).sum();
        let sum = u32::try_from(sum).unwrap_or(u32::MAX);
        f64::from(sum) / 100_000.0
    }

    /// US dollars for a month of 730 hours, as the providers count.
    #[must_use]
    pub fn usd_a_month(&self) -> f64 {
        self.usd_an_hour() * 730.0
    }
}

/// What all these balancers cost together: some providers sell the first few rules as one.
#[must_use]
pub fn hourly_cost(balancers: &[Balancer]) -> Cost {
    let items: Vec<Item> = balancers
        .iter()
        .map(|it| Item {
            product: it.product,
            n_rules: match it.product {
                Product::GcpExternal | Product::GcpInternal => {
                    n_protocols(it.listeners.iter().map(|it| it.protocol.as_str()))
                }
                _ => it.listeners.len(),
            },
            n_addresses: match it.scheme {
                Scheme::Internet => it.addresses.len(),
                Scheme::Internal => 0,
            },
        })
        .collect();
    cost_of(&items)
}

/// What counts about a balancer.
struct Item {
    product: Product,
    n_rules: usize,
    n_addresses: usize,
}

/// Google has a rule a protocol, Azure one a port.
fn n_rules(product: Product, service: &Service) -> usize {
    let ports = &service.spec.ports;
    match product {
        Product::GcpExternal | Product::GcpInternal => {
            n_protocols(ports.iter().map(crate::api::ServicePort::protocol))
        }
        _ => ports.len(),
    }
}

fn n_protocols<'a>(protocols: impl Iterator<Item = &'a str>) -> usize {
    let mut all: Vec<&str> = protocols.collect();
    sort(&mut all);
    all.dedup();
    all.len()
}

fn cost_of(items: &[Item]) -> Cost {
    let sum = |products: &[Product], what: fn(&Item) -> usize| -> usize {
        let counted = items.iter().filter(|it| products.contains(&it.product));
        counted.map(what).sum()
    };
    let rules = |products: &[Product]| sum(products, |it| it.n_rules);
    let addresses = |products: &[Product]| sum(products, |it| it.n_addresses);
    let each = |n: usize, price: u64| u64::try_from(n).unwrap_or(u64::MAX).saturating_mul(price);
    let amazon = [Product::AwsClassic, Product::AwsNetwork];
    let google = [Product::GcpExternal, Product::GcpInternal];
    let azure = [Product::AzureExternal, Product::AzureInternal];
    let (n_classic, n_network) = (sum(&amazon[..1], |_| 1), sum(&amazon[1..], |_| 1));
    let line = |what, n, millicents_an_hour, list| CostLine {
        what,
        n,
        millicents_an_hour,
        list,
    };
    let lines = [
        line(
            "AWS Classic Load Balancer",
            n_classic,
            each(n_classic, CLASSIC),
            AWS,
        ),
        line(
            "AWS Network Load Balancer",
            n_network,
            each(n_network, NETWORK),
            AWS,
        ),
        line(
            "AWS public IPv4 address",
            addresses(&amazon),
            each(addresses(&amazon), PUBLIC_ADDRESS),
            AWS,
        ),
        line(
            "Google Cloud forwarding rule",
            rules(&google),
            RULES.of(rules(&google)),
            GCP,
        ),
        line(
            "Azure Standard Load Balancer rule",
            rules(&azure),
            RULES.of(rules(&azure)),
            AZURE,
        ),
        line(
            "Azure public IP address",
            addresses(&azure),
            each(addresses(&azure), PUBLIC_ADDRESS),
            AZURE,
        ),
    ];
    Cost {
        lines: lines.into_iter().filter(|it| it.n > 0).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_five_rules_cost_as_one() {
        for (n, millicents) in [(0, 0), (1, 2500), (5, 2500), (6, 3500), (10, 7500)] {
            assert_eq!(RULES.of(n), millicents, "{n}");
        }
    }
}
