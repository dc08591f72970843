//! What an expression comes to for a packet, and whether it is the value a rule asks for.
//!
//! `nft_payload.c`, `nft_meta.c`, `nft_ct.c`, `nft_fib.c`, `nft_hash.c`, `nft_numgen.c`, `nft_cmp.c` and
//! `nft_lookup.c` of Linux 6.18.
//!
//! **Left out**: that two packets of one flow have the same hash, where the kernel drew what the hash
//! begins with: each is a choice of its own. Every interface but `lo` is an Ethernet.

use super::super::jhash::{jhash, scaled};
use super::super::payload::payload;
use super::{Pass, Site, Travelling};
use crate::ip::{Family, IpAddr};
use crate::net::{AddressType, Route, RouteKind};
use crate::netfilter::conntrack::Direction;
use crate::netfilter::trace::{KeptResult, Span};
use crate::netfilter::{
    AddressSelector, BeyondAnswer, BitOperation, CtKey, Datum, Element, Expression, Fib, FibResult,
    Field, FlowPart, Hash, MapValue, Meta, Name, Numgen, NumgenMode, Operand, Operator,
    SetReference, Verdict, ct_state, ct_status,
};

/// Why an expression has no value.
pub(super) enum Lack {
    /// The packet has no such thing, and the rule does not hold.
    Absent,
    /// The model cannot tell.
    Unknown,
}

type Value = Result<Datum, Lack>;

/// What stands behind a key that is there.
pub(super) enum Answer<'a> {
    Nothing,
    Verdict(&'a Verdict),
    Data(&'a Datum),
    /// A value that a packet added.
    Added(Datum),
}

/// `ARPHRD_LOOPBACK` and `ARPHRD_ETHER`.
const LINK_TYPES: (u32, u32) = (772, 1);

impl<'a> Pass<'a> {
    /// The value of an expression for this packet, part by part at the end of the trace's values.
    pub(super) fn key(
        &mut self,
        site: &Site<'a>,
        expression: &'a Expression,
        it: &Travelling,
    ) -> Result<Span, Lack> {
        let mut from = self.trace.n_values();
        if self.common_key(expression, it) {
            return Ok(self.trace.since(from));
        }
        match expression {
            Expression::Concatenation(parts) => {
                for part in parts {
                    if self.common_key(part, it) {
                        continue;
                    }
                    let behind = self.trace.n_values();
                    let part = self.value(site, part, it)?;
                    if self.trace.n_values() > behind {
                        // What was asked for this part stands behind the parts before it now.
                        from = self.trace.repeat(from..behind);
                    }
                    self.trace.add(part);
                }
            }
            Expression::Map { key, map } => {
                let value = self.mapped(site, key, map, it)?;
                return Ok(self.trace.repeat_value(value));
            }
            one => {
                let value = self.value(site, one, it)?;
                self.trace.add(value);
            }
        }
        Ok(self.trace.since(from))
    }

    /// What is asked most has its value made where it stays. Whether it was that.
    fn common_key(&mut self, expression: &Expression, it: &Travelling) -> bool {
        let is_v4 = it.packet.source.is_ipv4();
        match expression {
            Expression::Payload(Field::IpDaddr) if is_v4 => {
                self.trace.add(Datum::Address(it.packet.destination));
            }
            Expression::Payload(Field::IpSaddr) if is_v4 => {
                self.trace.add(Datum::Address(it.packet.source));
            }
            Expression::Payload(Field::ThDport) => match it.packet.destination_port() {
                Some(port) => self.trace.add(Datum::Port(port)),
                None => return false,
            },
            Expression::Meta(Meta::L4proto) => {
                let protocol = it.packet.protocol().number();
                self.trace.add(Datum::Protocol(protocol));
            }
            Expression::Meta(Meta::Mark) => self.trace.add(Datum::Number(it.mark)),
            Expression::Ct(CtKey::State) => match &it.tracking {
                Some(tracking) => self.trace.add(Datum::Bits(tracking.state)),
                None => return false,
            },
            _ => return false,
        }
        true
    }

    /// The same as one value.
    pub(super) fn value(
        &mut self,
        site: &Site<'a>,
        expression: &'a Expression,
        it: &Travelling,
    ) -> Value {
        Ok(match expression {
            Expression::Payload(field) => payload(*field, &it.packet).ok_or(Lack::Absent)?,
            Expression::Meta(meta) => self.meta(*meta, it)?,
            Expression::Ct(key) => self.ct(*key, it)?,
            Expression::Fib(fib) => self.fib(*fib, it),
            Expression::Numgen(numgen) => Datum::Number(self.numgen(site, *numgen)),
            Expression::Hash(hash) => self.hash(site, hash, it)?,
            Expression::NextHop(_) => {
                let route = self.routes.lookup(it.packet.destination);
                let via = route.and_then(|it| it.via).unwrap_or(it.packet.destination);
                Datum::Address(via)
            }
            Expression::Beyond(beyond) => match beyond.answer {
                BeyondAnswer::Nothing => return Err(Lack::Absent),
                BeyondAnswer::Missing => Datum::Presence(false),
                BeyondAnswer::Unknown => return Err(Lack::Unknown),
            },
            Expression::Concatenation(_) => {
                let key = self.key(site, expression, it)?;
                let value = self.trace.datum(key);
                self.trace.forget(key);
                value
            }
            Expression::Bitwise {
                of,
                operation,
                mask,
            } => bitwise(&self.value(site, of, it)?, *operation, *mask)?,
            Expression::Map { key, map } => {
                let value = self.mapped(site, key, map, it)?;
                self.trace.datum(value)
            }
            Expression::Constant(datum) => datum.clone(),
        })
    }

    /// What a key leads to in a map, noting what was asked and found.
    pub(super) fn mapped(
        &mut self,
        site: &Site<'a>,
        key: &'a Expression,
        map: &'a SetReference,
        it: &Travelling,
    ) -> Result<Span, Lack> {
        let key = self.key(site, key, it)?;
        let value = match self.find(site, map, key) {
            Some(Answer::Data(datum)) => self.trace.add_parts(datum),
            Some(Answer::Added(datum)) => self.trace.add_parts(&datum),
            Some(Answer::Nothing | Answer::Verdict(_)) | None => return Err(Lack::Absent),
        };
        self.trace.look_up(map.name(), key, KeptResult::Data(value));
        Ok(value)
    }

    fn meta(&mut self, meta: Meta, it: &Travelling) -> Value {
        let name = |it: &Option<Name>| it.clone().unwrap_or_default();
        let kind = |it: &Option<Name>| match it.as_deref() {
            None => Err(Lack::Absent),
            Some("lo") => Ok(Datum::Number(LINK_TYPES.0)),
            Some(_) => Ok(Datum::Number(LINK_TYPES.1)),
        };
        let group = |it: &Option<Name>| match it {
            None => Err(Lack::Absent),
            Some(_) => Ok(Datum::Number(0)),
        };
        Ok(match meta {
            Meta::Mark => Datum::Number(it.mark),
            Meta::L4proto => it.packet.protocol().into(),
            Meta::Nfproto => Datum::Number(match it.packet.family() {
                Family::V4 => 2,
                Family::V6 => 10,
            }),
            // Without an interface the kernel compares with an empty name.
            Meta::Iifname | Meta::Iif => Datum::Interface(name(&it.iif)),
            Meta::Oifname | Meta::Oif => Datum::Interface(name(&it.oif)),
            Meta::Iiftype => kind(&it.iif)?,
            Meta::Oiftype => kind(&it.oif)?,
            Meta::Iifgroup => group(&it.iif)?,
            Meta::Oifgroup => group(&it.oif)?,
            // Only a packet this host made has a socket that sent it.
            Meta::Skuid | Meta::Skgid if it.iif.is_some() => return Err(Lack::Absent),
            Meta::Skuid => Datum::Number(it.uid.ok_or(Lack::Unknown)?),
            Meta::Skgid | Meta::Length => return Err(Lack::Unknown),
            Meta::Pkttype => Datum::Number(self.packet_type(it)),
            Meta::Protocol => Datum::Number(match it.packet.family() {
                Family::V4 => 0x0800,
                Family::V6 => 0x86dd,
            }),
            Meta::Random => {
                let drawn = self.chooser.draw(1 << 32);
                Datum::Number(u32::try_from(drawn).unwrap_or(u32::MAX))
            }
            Meta::Nftrace => Datum::Number(0),
        })
    }

    /// `PACKET_HOST`, `PACKET_BROADCAST` or `PACKET_MULTICAST`.
    fn packet_type(&self, it: &Travelling) -> u32 {
        match self.routes.address_type(it.packet.destination) {
            AddressType::Broadcast => 1,
            AddressType::Multicast => 2,
            _ => 0,
        }
    }

    fn ct(&self, key: CtKey, it: &Travelling) -> Value {
        let Some(tracking) = &it.tracking else {
            return match key {
                CtKey::State | CtKey::Ctstate if it.untracked => {
                    Ok(Datum::Bits(ct_state::UNTRACKED))
                }
                CtKey::State | CtKey::Ctstate => Ok(Datum::Bits(ct_state::INVALID)),
                _ => Err(Lack::Absent),
            };
        };
        let connection = self.conntrack.connection(tracking);
        let flag = |flag, bit| {
            if connection.status & flag != 0 {
                bit
            } else {
                0
            }
        };
        Ok(match key {
            CtKey::State => Datum::Bits(tracking.state),
            CtKey::Ctstate => Datum::Bits(
                tracking.state
                    | flag(ct_status::SNAT, ct_state::SNAT)
                    | flag(ct_status::DNAT, ct_state::DNAT),
            ),
            CtKey::Status => Datum::Bits(connection.status),
            CtKey::Mark => Datum::Number(connection.mark),
            CtKey::Direction => Datum::Number(u32::from(tracking.direction == Direction::Reply)),
            // Which labels there are is asked one by one.
            CtKey::Label => Datum::Text(Name::default()),
            CtKey::Helper => return Err(Lack::Absent),
            CtKey::Zone(direction) => Datum::Number(connection.zone.of(direction).into()),
            CtKey::Expiration => {
                let left = connection.expires.as_millis();
                let left = left.saturating_sub(self.now.as_millis()) / 1000;
                Datum::Number(u32::try_from(left).unwrap_or(u32::MAX))
            }
            CtKey::Flow(direction, part) => flow_part(connection.flow(direction), part)?,
        })
    }

    fn fib(&self, fib: Fib, it: &Travelling) -> Datum {
        let address = match fib.address {
            AddressSelector::Saddr => it.packet.source,
            AddressSelector::Daddr => it.packet.destination,
        };
        let through = match (fib.with.iif, fib.with.oif) {
            (true, _) => it.iif.as_ref(),
            (_, true) => it.oif.as_ref(),
            _ => None,
        };
        if fib.result == FibResult::Type {
            return Datum::AddressType(match through {
                Some(name) => self.routes.address_type_on(address, name),
                None => self.routes.address_type(address),
            });
        }
        // What comes in by loopback is taken to be right.
        if through.is_some_and(|it| &**it == "lo") {
            return Datum::Interface("lo".into());
        }
        // A way back must lead out, and by the interface the packet came in by: an address of this very
        // host leads nowhere.
        let leads = |route: &&Route| {
            route.kind == RouteKind::Unicast && through.is_none_or(|name| route.interface == *name)
        };
        match self.routes.lookup(address).filter(leads) {
            Some(route) => Datum::Interface(route.interface.clone()),
            None => Datum::Presence(false),
        }
    }

    fn numgen(&mut self, site: &Site<'a>, numgen: Numgen) -> u32 {
        let modulus = numgen.modulus.max(1);
        let drawn = match numgen.mode {
            NumgenMode::Random => self.chooser.choose(modulus),
            NumgenMode::Inc => self.dynamic.turn(site.named(), modulus),
        };
        numgen.offset.wrapping_add(drawn)
    }

    fn hash(&mut self, site: &Site<'a>, hash: &'a Hash, it: &Travelling) -> Value {
        let modulus = hash.modulus.max(1);
        let drawn = match (&hash.of, hash.seed) {
            (Some(of), Some(seed)) => {
                let bytes = register_bytes(&self.value(site, of, it)?).ok_or(Lack::Unknown)?;
                scaled(jhash(&bytes, seed), modulus)
            }
            _ => self.chooser.choose(modulus),
        };
        Ok(Datum::Number(hash.offset.wrapping_add(drawn)))
    }

    /// Whether a comparison holds.
    pub(super) fn compare(
        &mut self,
        site: &Site<'a>,
        (left, operator, right): (&Expression, Operator, &'a Operand),
        key: Span,
        it: &Travelling,
    ) -> bool {
        if let (Expression::Ct(CtKey::Label), Operand::Value(Datum::Text(label))) = (left, right) {
            let has = it.tracking.as_ref().is_some_and(|tracking| {
                let connection = self.conntrack.connection(tracking);
                connection.labels.contains(label)
            });
            return has == (operator != Operator::Ne);
        }
        if let (Some(whole), Operand::Value(wanted)) = (lot(left), right)
            && operator == Operator::Lt
            && let Some(wanted) = number(wanted)
        {
            return self.chooser.toss(f64::from(wanted) / whole);
        }
        let wanted = match right {
            Operand::Value(wanted) => wanted,
            Operand::Set(set) => {
                let is_in = self.find(site, set, key).is_some();
                return match operator {
                    Operator::Eq => is_in,
                    Operator::Ne => !is_in,
                    // No set has an order.
                    Operator::Lt | Operator::Gt | Operator::Le | Operator::Ge => false,
                };
            }
        };
        let parts = self.trace.parts(key);
        let order = || match parts {
            [value] => order(value, wanted),
            _ => std::cmp::Ordering::Equal,
        };
        match operator {
            Operator::Eq => is_value(left, wanted, parts),
            Operator::Ne => !is_value(left, wanted, parts),
            Operator::Lt => order().is_lt(),
            Operator::Gt => order().is_gt(),
            Operator::Le => order().is_le(),
            Operator::Ge => order().is_ge(),
        }
    }

    /// Looks a key up; none if it is absent.
    pub(super) fn find(
        &self,
        site: &Site<'a>,
        set: &'a SetReference,
        key: Span,
    ) -> Option<Answer<'a>> {
        let parts = self.trace.parts(key);
        let answer = |it: &'a Element| match &it.value {
            None => Answer::Nothing,
            Some(MapValue::Verdict(verdict)) => Answer::Verdict(verdict),
            Some(MapValue::Data(datum)) => Answer::Data(datum),
        };
        match set {
            SetReference::Anonymous(elements) => {
                // Numbers that chance draws stand at their own places.
                let drawn = match parts {
                    [Datum::Number(number)] => elements.get(*number as usize),
                    _ => None,
                };
                let is_drawn = |it: &&Element| matches!(parts, [part] if it.key == *part);
                let found = drawn.filter(is_drawn).or_else(|| {
                    let mut elements = elements.iter();
                    elements.find(|it| is_value_exactly(&it.key, parts))
                });
                found.map(answer)
            }
            SetReference::Named(name) => {
                let set = site.table.sets.get(name);
                let found = set.and_then(|it| it.find_parts(parts)).map(answer);
                found.or_else(|| {
                    if self.dynamic.is_empty() {
                        return None;
                    }
                    let at = (site.table.key.clone(), name.clone());
                    let key = Datum::from_parts(parts);
                    let added = self.dynamic.find(&at, &key, self.now)?;
                    Some(added.map_or(Answer::Nothing, |it| Answer::Added(it.clone())))
                })
            }
        }
    }
}

fn bitwise(value: &Datum, operation: BitOperation, mask: u32) -> Value {
    let Some(bits) = number(value) else {
        // Bits of an address are beyond the model; any other value is no number at all.
        return Err(match value {
            Datum::Address(_) | Datum::Text(_) => Lack::Unknown,
            _ => Lack::Absent,
        });
    };
    Ok(Datum::Number(match operation {
        BitOperation::And => bits & mask,
        BitOperation::Or => bits | mask,
        BitOperation::Xor => bits ^ mask,
    }))
}

fn flow_part(flow: crate::net::Flow, part: FlowPart) -> Value {
    let of_family = |it: IpAddr, is_v4: bool| match it.is_ipv4() == is_v4 {
        true => Ok(Datum::Address(it)),
        false => Err(Lack::Absent),
    };
    match part {
        FlowPart::L3proto => Ok(Datum::Number(if flow.source.is_ipv4() { 2 } else { 10 })),
        FlowPart::Protocol => Ok(flow.protocol.into()),
        FlowPart::IpSaddr => of_family(flow.source, true),
        FlowPart::IpDaddr => of_family(flow.destination, true),
        FlowPart::Ip6Saddr => of_family(flow.source, false),
        FlowPart::Ip6Daddr => of_family(flow.destination, false),
        FlowPart::ProtoSrc => Ok(Datum::Port(flow.source_port)),
        FlowPart::ProtoDst => Ok(Datum::Port(flow.destination_port)),
    }
}

/// How many numbers a random one is drawn from, where a rule asks whether it is below a bound: that is
/// how iptables' `-m statistic` reads in nft.
fn lot(left: &Expression) -> Option<f64> {
    match left {
        Expression::Meta(Meta::Random) => Some(f64::from(u32::MAX) + 1.0),
        Expression::Bitwise {
            of,
            operation: BitOperation::And,
            mask,
        } if **of == Expression::Meta(Meta::Random) && (mask & mask.wrapping_add(1)) == 0 => {
            Some(f64::from(*mask) + 1.0)
        }
        _ => None,
    }
}

/// Whether a packet's value is the wanted one. Named bits match if any of them is set, unless a
/// mask was applied first.
fn is_value(left: &Expression, wanted: &Datum, parts: &[Datum]) -> bool {
    let [value] = parts else {
        return wanted.holds_parts(parts);
    };
    match (wanted, value) {
        (Datum::Bits(wanted), Datum::Bits(value))
            if !matches!(left, Expression::Bitwise { .. }) =>
        {
            value & wanted != 0
        }
        // `fib … oif exists`: any interface is one that exists.
        (Datum::Presence(wanted), Datum::Interface(_)) => *wanted,
        // No interface has this number: it stands for no way at all.
        (Datum::Number(0), Datum::Presence(found)) => !found,
        _ => is_value_exactly(wanted, parts),
    }
}

fn is_value_exactly(wanted: &Datum, parts: &[Datum]) -> bool {
    let [value] = parts else {
        return wanted.holds_parts(parts);
    };
    match (number(wanted), number(value)) {
        (Some(wanted), Some(value)) => wanted == value,
        (None, Some(value)) => match wanted {
            Datum::Numbers(low, high) => (low..=high).contains(&&value),
            Datum::Ports(low, high) => (u32::from(*low)..=u32::from(*high)).contains(&value),
            _ => wanted.holds(&Datum::Number(value)),
        },
        _ => wanted.holds(value),
    }
}

fn order(value: &Datum, wanted: &Datum) -> std::cmp::Ordering {
    match (value, wanted) {
        (Datum::Address(value), Datum::Address(wanted)) => value.cmp(wanted),
        _ => number(value).cmp(&number(wanted)),
    }
}

/// The number of values that are one; a protocol, a port and a mark compare as numbers.
pub(super) fn number(datum: &Datum) -> Option<u32> {
    match datum {
        Datum::Number(it) | Datum::Bits(it) => Some(*it),
        Datum::Port(it) => Some(u32::from(*it)),
        Datum::Protocol(it) => Some(u32::from(*it)),
        _ => None,
    }
}

/// A value as it lies in the kernel's registers: network byte order, each part filled up to four
/// bytes.
fn register_bytes(datum: &Datum) -> Option<Vec<u8>> {
    Some(match datum {
        Datum::Address(IpAddr::V4(it)) => it.octets().to_vec(),
        Datum::Address(IpAddr::V6(it)) => it.octets().to_vec(),
        Datum::Port(it) => it.to_be_bytes().to_vec(),
        Datum::Protocol(it) => vec![*it],
        Datum::Number(it) => it.to_le_bytes().to_vec(),
        Datum::Tuple(parts) => {
            let mut bytes = Vec::new();
            for part in parts {
                bytes.extend(register_bytes(part)?);
                bytes.resize(bytes.len().next_multiple_of(4), 0);
            }
            bytes
        }
        _ => return None,
    })
}
