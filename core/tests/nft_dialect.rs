//! The nft dialect: what it prints it reads, and what nft printed it reads and prints again.
//!
//! A short ruleset stands here. The worked ones of kube-proxy are read from the folder that
//! `PACKETWALK_CASES` named when this was compiled; without it their test has nothing to compare.
//!
//! **Left out**: a real kernel, which the conformance tests ask.

use packetwalk_core::ip::{Cidr, IpAddr};
use packetwalk_core::net::AddressType;
use packetwalk_core::netfilter::conntrack::Direction;
use packetwalk_core::netfilter::dialect::nft;
use packetwalk_core::netfilter::*;
use packetwalk_core::time::Duration;
use proptest::prelude::*;
use std::net::{Ipv4Addr, Ipv6Addr};

/// What kube-proxy 1.37 sends, shortened (the mask is spelled as it spells it).
const WRITTEN: &str = r#"add table ip kube-proxy { comment "rules for kube-proxy" ; }
add chain ip kube-proxy filter-prerouting-pre-dnat { type filter hook prerouting priority -110 ; }
add chain ip kube-proxy filter-input { type filter hook input priority 0 ; }
add chain ip kube-proxy nat-output { type nat hook output priority -100 ; }
add chain ip kube-proxy services
add chain ip kube-proxy masquerading
add chain ip kube-proxy cluster-ips-check
add chain ip kube-proxy reject-chain { comment "helper for @no-endpoint-services / @no-endpoint-nodeports" ; }
add chain ip kube-proxy firewall-HVFWP5L3-ns5/svc5/tcp/p80
add chain ip kube-proxy service-HVFWP5L3-ns5/svc5/tcp/
add chain ip kube-proxy endpoint-GTK6MW7G-ns5/svc5/tcp/p80__10.180.0.3/80
add set ip kube-proxy hairpin-connections { type ipv4_addr . ipv4_addr . inet_proto . inet_service ; comment "service hairpin connections" ; }
add set ip kube-proxy cluster-ips { type ipv4_addr ; comment "Active ClusterIPs" ; }
add set ip kube-proxy affinity-GTK6MW7G-ns5/svc5/tcp/p80__10.180.0.3/80 { type ipv4_addr ; flags dynamic,timeout ; timeout 10800s ; }
add map ip kube-proxy no-endpoint-services { type ipv4_addr . inet_proto . inet_service : verdict ; comment "vmap to drop or reject packets to services with no endpoints" ; }
add map ip kube-proxy service-nodeports { type inet_proto . inet_service : verdict ; comment "NodePort traffic" ; }
add rule ip kube-proxy filter-input ct state new jump services
add rule ip kube-proxy nat-output jump services
add rule ip kube-proxy services ip daddr @cluster-ips ip saddr != 10.0.0.0/8 mark set mark or 0x00004000 comment "masquerade clusterIP traffic from outside cluster"
add rule ip kube-proxy services ip daddr . meta l4proto . th dport vmap @no-endpoint-services
add rule ip kube-proxy services fib daddr type local ip daddr != 127.0.0.0/8 meta l4proto . th dport vmap @service-nodeports
add rule ip kube-proxy masquerading mark and 0x00004000 != 0 mark set mark xor 0x00004000 masquerade fully-random
add rule ip kube-proxy masquerading ct status dnat ip saddr . ip daddr . meta l4proto . th dport @hairpin-connections masquerade fully-random
add rule ip kube-proxy cluster-ips-check ip daddr @cluster-ips reject comment "Reject traffic to invalid ports of ClusterIPs"
add rule ip kube-proxy cluster-ips-check ip daddr { 172.30.0.0/16 } drop comment "Drop traffic to unallocated ClusterIPs"
add rule ip kube-proxy reject-chain reject
add rule ip kube-proxy firewall-HVFWP5L3-ns5/svc5/tcp/p80 ip saddr != { 203.0.113.0/25 , 198.51.100.7 } drop
add rule ip kube-proxy service-HVFWP5L3-ns5/svc5/tcp/ ip saddr @affinity-GTK6MW7G-ns5/svc5/tcp/p80__10.180.0.3/80 goto endpoint-GTK6MW7G-ns5/svc5/tcp/p80__10.180.0.3/80
add rule ip kube-proxy service-HVFWP5L3-ns5/svc5/tcp/ numgen random mod 1 vmap { 0 : goto endpoint-GTK6MW7G-ns5/svc5/tcp/p80__10.180.0.3/80 }
add rule ip kube-proxy service-HVFWP5L3-ns5/svc5/tcp/ meta l4proto tcp dnat ip addr . port to numgen random mod 2 map { 0 : 10.180.0.4 . 80 , 1 : 10.180.0.5 . 80 }
add rule ip kube-proxy endpoint-GTK6MW7G-ns5/svc5/tcp/p80__10.180.0.3/80 update @affinity-GTK6MW7G-ns5/svc5/tcp/p80__10.180.0.3/80 { ip saddr }
add rule ip kube-proxy endpoint-GTK6MW7G-ns5/svc5/tcp/p80__10.180.0.3/80 meta l4proto tcp dnat to 10.180.0.3:80
add element ip kube-proxy cluster-ips { 172.30.0.43 }
add element ip kube-proxy cluster-ips { 172.30.0.41 }
add element ip kube-proxy cluster-ips { 172.30.0.42 }
add element ip kube-proxy no-endpoint-services { 192.168.99.22 . tcp . 80 comment "ns2/svc2:p80" : drop }
add element ip kube-proxy no-endpoint-services { 172.30.0.46 . tcp . 80 comment "ns6/svc6:p80" : goto reject-chain }
add element ip kube-proxy no-endpoint-services { 1.2.3.4 . tcp . 80 comment "ns2/svc2:p80" : drop }
add element ip kube-proxy hairpin-connections { 10.180.0.5 . 10.180.0.5 . tcp . 80 }
"#;

/// What `nft list ruleset` of nft 1.0.6 printed when the text above was loaded.
const LISTED: &str = include_str!("nft_dialect_listed.txt");

fn ruleset(text: &str) -> Ruleset {
    let tx = nft::parse(text).unwrap_or_else(|error| panic!("{error}: {:?}", error.hint));
    let mut ruleset = Ruleset::default();
    tx.apply(&mut ruleset)
        .expect("a transaction the kernel takes");
    ruleset
}

#[track_caller]
fn same_lines(found: &str, wanted: &str) {
    for (found, wanted) in found.lines().zip(wanted.lines()) {
        assert_eq!(found, wanted);
    }
    assert_eq!(found.lines().count(), wanted.lines().count());
}

#[track_caller]
fn check(written: &str, listed: &str) {
    let tx = nft::parse(written).expect("what kube-proxy writes");
    same_lines(&tx.to_string(), written);
    let ours = ruleset(written);
    same_lines(&nft::list(&ours), listed);
    let kernel = nft::parse_listing(listed).expect("what nft prints");
    assert!(kernel.skipped.is_empty(), "{:?}", kernel.skipped);
    same_lines(&nft::list(&kernel.ruleset), listed);
    let (ours, kernels) = (
        nft::canonical_ruleset(&ours),
        nft::canonical_ruleset(&kernel.ruleset),
    );
    assert_eq!(ours, kernels);
    let again = Transaction::from_ruleset(&kernel.ruleset).to_string();
    assert_eq!(nft::canonical_ruleset(&ruleset(&again)), kernels);
}

#[test]
fn what_kube_proxy_writes_is_printed_again_and_listed_as_nft_lists_it() {
    check(WRITTEN, LISTED);
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a test may read its cases")]
fn the_worked_rulesets_are_printed_and_listed_byte_for_byte() {
    let Some(folder) = option_env!("PACKETWALK_CASES") else {
        return;
    };
    for generation in ["G2", "G3", "G4"] {
        let read = |end: &str| {
            std::fs::read_to_string(format!("{folder}/worked/nft_{generation}{end}"))
                .expect("a worked file")
        };
        check(
            &read(".nft").replace("0x4000", "0x00004000"),
            &read(".listing.txt"),
        );
    }
}

fn name() -> impl Strategy<Value = Name> {
    "[a-z][a-zA-Z0-9]{0,6}(-[a-z0-9]{1,4}/svc_[a-z]{1,3}/tcp/(p80__10\\.0\\.0\\.[0-9]/80)?)?"
        .prop_map(|it| it.as_str().into())
}

fn ipv4() -> impl Strategy<Value = IpAddr> {
    any::<u32>().prop_map(|it| IpAddr::V4(Ipv4Addr::from(it)))
}

fn ipv6() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        any::<u128>(),
        (0u128..9).prop_map(|it| (0xfd00 << 112) | it),
        (0u128..0x1_0000_0000)
    ]
    .prop_map(|it| IpAddr::V6(Ipv6Addr::from(it)))
}

fn prefix(address: impl Strategy<Value = IpAddr>) -> impl Strategy<Value = Datum> {
    (address, 0u8..=128).prop_map(|(address, length)| {
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let range = Cidr::new(address, length % (longest + 1)).expect("a range");
        Datum::Range(range.trunc())
    })
}

fn ports() -> impl Strategy<Value = Datum> {
    prop_oneof![
        any::<u16>().prop_map(Datum::Port),
        (0u16..1000, 1000u16..).prop_map(|(low, high)| Datum::Ports(low, high)),
    ]
}

fn simple(fields: &[Expression]) -> impl Strategy<Value = Expression> + use<> {
    proptest::sample::select(fields.to_vec())
}

/// Addresses from an odd one on, to an odd one: they are no prefix.
fn span(start: u32, more: u32) -> Datum {
    let address = |it| IpAddr::V4(Ipv4Addr::from(0x0a00_0000 | it));
    Datum::Addresses(Box::new((address(start), address(start + more))))
}

/// An expression of one part, and a value it can have.
fn asked() -> impl Strategy<Value = (Expression, Datum)> {
    use Expression::{Ct, Fib as Route, Meta as Host, Payload};
    let flow = |direction, part| Ct(CtKey::Flow(direction, part));
    let v4 = simple(&[
        Payload(Field::IpSaddr),
        Payload(Field::IpDaddr),
        flow(Direction::Original, FlowPart::IpDaddr),
    ]);
    let v6 = simple(&[
        Payload(Field::Ip6Saddr),
        Payload(Field::Ip6Daddr),
        flow(Direction::Reply, FlowPart::Ip6Saddr),
    ]);
    let port = simple(&[
        Payload(Field::TcpDport),
        Payload(Field::UdpSport),
        Payload(Field::SctpDport),
        Payload(Field::ThDport),
        Payload(Field::DccpSport),
        flow(Direction::Original, FlowPart::ProtoDst),
    ]);
    let protocol = simple(&[
        Host(Meta::L4proto),
        Payload(Field::IpProtocol),
        Payload(Field::Ip6Nexthdr),
    ]);
    let number = simple(&[
        Host(Meta::Mark),
        Ct(CtKey::Mark),
        Host(Meta::Nfproto),
        Ct(CtKey::Direction),
        Ct(CtKey::Zone(None)),
        Ct(CtKey::Zone(Some(Direction::Reply))),
        Host(Meta::Skuid),
        Host(Meta::Iiftype),
        Host(Meta::Pkttype),
        Host(Meta::Protocol),
        Host(Meta::Length),
        Payload(Field::IpTtl),
        Payload(Field::IpDscp),
        Payload(Field::Ip6Hoplimit),
        Payload(Field::IcmpCode),
        Expression::Hash(Hash {
            of: Some(Box::new(Payload(Field::IpSaddr))),
            modulus: 4,
            seed: Some(7),
            offset: 1,
        }),
        Expression::Hash(Hash {
            of: None,
            modulus: 4,
            seed: None,
            offset: 0,
        }),
        Payload(Field::IcmpType),
        Payload(Field::Icmpv6Type),
        Expression::Numgen(Numgen {
            mode: NumgenMode::Random,
            modulus: 9,
            offset: 3,
        }),
    ]);
    let interface = simple(&[
        Host(Meta::Iifname),
        Host(Meta::Oifname),
        Route(Fib {
            address: AddressSelector::Saddr,
            result: FibResult::Oifname,
            with: FibWith {
                iif: true,
                ..FibWith::default()
            },
        }),
        Host(Meta::Oif),
    ]);
    let route = Route(Fib {
        address: AddressSelector::Daddr,
        result: FibResult::Type,
        with: FibWith::default(),
    });
    let types = [
        AddressType::Local,
        AddressType::Unicast,
        AddressType::Broadcast,
        AddressType::Multicast,
        AddressType::Unspec,
    ];
    prop_oneof![
        (
            v4,
            prop_oneof![
                ipv4().prop_map(Datum::Address),
                prefix(ipv4()),
                (1u32..99, 1u32..98).prop_map(|(start, more)| span(start * 2 + 1, more * 2))
            ]
        ),
        (
            v6,
            prop_oneof![ipv6().prop_map(Datum::Address), prefix(ipv6())]
        ),
        (port, ports()),
        (protocol, any::<u8>().prop_map(Datum::Protocol)),
        (number, any::<u32>().prop_map(Datum::Number)),
        (
            interface,
            "[a-z0-9.@-]{1,12}\\*?".prop_map(|it| Datum::Interface(it.as_str().into()))
        ),
        (
            Just(route),
            proptest::sample::select(types.to_vec()).prop_map(Datum::AddressType)
        ),
    ]
}

/// Several expressions at once and a key for them.
fn asked_together() -> impl Strategy<Value = (Expression, Datum)> {
    let is_one = |it: &(Expression, Datum)| it.1.is_exact();
    prop_oneof![
        asked(),
        proptest::collection::vec(asked().prop_filter("one value", is_one), 2..5).prop_map(|it| {
            let (parts, values) = it.into_iter().unzip();
            (Expression::Concatenation(parts), Datum::tuple(values))
        })
    ]
}

fn verdict() -> impl Strategy<Value = Verdict> {
    prop_oneof![
        Just(Verdict::Accept),
        Just(Verdict::Drop),
        Just(Verdict::Continue),
        Just(Verdict::Return),
        name().prop_map(Verdict::Jump),
        name().prop_map(Verdict::Goto),
    ]
}

fn comment() -> impl Strategy<Value = Option<Name>> {
    proptest::option::of("[ -!#-~é]{0,20}".prop_map(|it| it.as_str().into()))
}

fn operator() -> impl Strategy<Value = Operator> {
    proptest::sample::select(vec![
        Operator::Eq,
        Operator::Ne,
        Operator::Lt,
        Operator::Gt,
        Operator::Le,
        Operator::Ge,
    ])
}

fn equality() -> impl Strategy<Value = Operator> {
    proptest::sample::select(vec![Operator::Eq, Operator::Ne])
}

fn mask_chain(of: Expression) -> impl Strategy<Value = Expression> {
    let operation =
        proptest::sample::select(vec![BitOperation::And, BitOperation::Or, BitOperation::Xor]);
    proptest::collection::vec((operation, any::<u32>()), 1..4).prop_map(move |steps| {
        steps.into_iter().fold(of.clone(), |of, (operation, mask)| {
            let of = Box::new(of);
            Expression::Bitwise {
                of,
                operation,
                mask,
            }
        })
    })
}

fn bits_match() -> impl Strategy<Value = Statement> {
    let kinds = vec![
        (Expression::Ct(CtKey::State), vec![1, 2, 4, 8, 64]),
        (Expression::Ct(CtKey::Status), vec![2, 4, 8, 16, 32]),
        (Expression::Payload(Field::TcpFlags), vec![1, 2, 4, 16]),
    ];
    let some_bits = |bits: Vec<u32>| {
        proptest::sample::subsequence(bits.clone(), 1..=bits.len())
            .prop_map(|it| it.iter().sum::<u32>())
    };
    proptest::sample::select(kinds).prop_flat_map(move |(of, bits)| {
        let masked = mask_match(of.clone(), some_bits(bits.clone()), some_bits(bits.clone()));
        let plain = (equality(), some_bits(bits), any::<bool>());
        let plain = plain.prop_map(move |(operator, bits, is_exact)| Statement::Match {
            left: of.clone(),
            operator,
            right: Operand::Value(match is_exact {
                true => Datum::Number(bits),
                false => Datum::Bits(bits),
            }),
        });
        prop_oneof![plain, masked]
    })
}

fn mask_match(
    of: Expression,
    mask: impl Strategy<Value = u32>,
    bits: impl Strategy<Value = u32>,
) -> impl Strategy<Value = Statement> {
    (equality(), mask, bits).prop_map(move |(operator, mask, bits)| Statement::Match {
        left: Expression::Bitwise {
            of: Box::new(of.clone()),
            operation: BitOperation::And,
            mask,
        },
        operator,
        right: Operand::Value(Datum::Bits(bits)),
    })
}

fn endpoint() -> impl Strategy<Value = Datum> {
    prop_oneof![(ipv4(), any::<u16>()), (ipv6(), any::<u16>())]
        .prop_map(|(address, port)| Datum::joined([address.into(), Datum::Port(port)]))
}

fn nat() -> impl Strategy<Value = Statement> {
    let kind = proptest::sample::select(vec![NatKind::Dnat, NatKind::Snat]);
    let range = |(low, high): (u16, u16)| (low.min(high), low.max(high));
    let pair = |(a, b): (IpAddr, IpAddr)| (a.min(b), a.max(b));
    let addresses = prop_oneof![(ipv4(), ipv4()), (ipv6(), ipv6())].prop_map(pair);
    let one = prop_oneof![ipv4(), ipv6()].prop_map(|it| (it, it));
    let fixed = (
        proptest::option::of(prop_oneof![addresses, one]),
        proptest::option::of(any::<(u16, u16)>().prop_map(range)),
    )
        .prop_filter("somewhere", |it| it.0.is_some() || it.1.is_some())
        .prop_map(|(addresses, ports)| NatTarget::Fixed { addresses, ports });
    let key = Expression::Numgen(Numgen {
        mode: NumgenMode::Random,
        modulus: 5,
        offset: 0,
    });
    let of_numgen = key.clone();
    let anonymous = proptest::collection::vec(endpoint(), 1..5).prop_map(move |it| {
        let elements = (0..).zip(it);
        let elements = elements.map(|(n, to)| Element::data(Datum::Number(n), to));
        NatTarget::Mapped(Expression::Map {
            key: Box::new(of_numgen.clone()),
            map: SetReference::Anonymous(elements.collect()),
        })
    });
    let named = name().prop_map(move |it| {
        NatTarget::Mapped(Expression::Map {
            key: Box::new(key.clone()),
            map: SetReference::Named(it),
        })
    });
    let flags = any::<(bool, bool, bool)>().prop_map(|it| NatFlags {
        fully_random: it.0,
        random: it.1,
        persistent: it.2,
    });
    let here = proptest::sample::select(vec![NatKind::Masquerade, NatKind::Redirect]);
    let port = proptest::option::of(any::<u16>());
    let there = (kind, prop_oneof![fixed, anonymous, named], flags.clone());
    prop_oneof![
        there.prop_map(|(kind, target, flags)| Statement::Nat {
            kind,
            target: Some(target),
            flags
        }),
        (here, port, flags).prop_map(|(kind, port, flags)| Statement::Nat {
            kind,
            target: port.map(|it| NatTarget::to(None, Some(it))),
            flags
        }),
    ]
}

fn statement() -> impl Strategy<Value = Statement> {
    let compared = (asked(), operator()).prop_map(|((left, value), operator)| Statement::Match {
        left,
        operator,
        right: Operand::Value(value),
    });
    let member = (asked_together(), equality(), proptest::option::of(name())).prop_map(
        |((left, key), operator, name)| Statement::Match {
            left,
            operator,
            right: Operand::Set(match name {
                Some(it) => SetReference::Named(it),
                None => SetReference::Anonymous(vec![Element::key(key)]),
            }),
        },
    );
    let mapped = (
        asked_together(),
        verdict(),
        comment(),
        proptest::option::of(name()),
    )
        .prop_map(|((key, value), verdict, comment, name)| {
            let mut element = Element::verdict(value, verdict);
            element.comment = comment;
            Statement::VerdictMap {
                key,
                map: match name {
                    Some(it) => SetReference::Named(it),
                    None => SetReference::Anonymous(vec![element]),
                },
            }
        });
    let mark = || Expression::Meta(Meta::Mark);
    let marked = (mask_chain(mark()), equality(), any::<u32>()).prop_map(|(left, operator, it)| {
        Statement::Match {
            left,
            operator,
            right: Operand::Value(Datum::Number(it)),
        }
    });
    let value = prop_oneof![
        mask_chain(mark()),
        any::<u32>().prop_map(|it| Expression::Constant(Datum::Number(it))),
        Just(Expression::Ct(CtKey::Mark)),
    ];
    let marking = value.prop_map(|value| Statement::SetMeta {
        key: Meta::Mark,
        value,
    });
    let kinds = vec![UpdateKind::Add, UpdateKind::Update];
    let update = (name(), proptest::sample::select(kinds), asked_together()).prop_map(
        |(set, kind, (key, _))| Statement::Update {
            kind,
            set,
            key,
            timeout: None,
            keeps: None,
            value: None,
        },
    );
    let rejects = vec![
        RejectWith::PortUnreachable,
        RejectWith::HostUnreachable,
        RejectWith::AdminProhibited,
        RejectWith::NetUnreachable,
        RejectWith::TcpReset,
    ];
    let asides = vec![
        "log prefix \"a b\" level info",
        "meta nftrace set 1",
        "counter name \"x\"",
    ];
    let limit = (any::<bool>(), 1u64..1000, 1u64..50, any::<bool>()).prop_map(
        |(over, rate, burst, bytes)| {
            Statement::Limit(Limit {
                over,
                rate,
                burst,
                bytes,
                ..Limit::packets(rate, LimitUnit::Minute)
            })
        },
    );
    let connection = vec![
        (CtKey::Mark, Expression::Meta(Meta::Mark)),
        (CtKey::Zone(None), Expression::Constant(Datum::Number(5))),
    ];
    prop_oneof![
        4 => compared,
        2 => member,
        2 => mapped,
        2 => bits_match(),
        1 => marked,
        1 => marking,
        2 => nat(),
        1 => update,
        1 => verdict().prop_map(Statement::Verdict),
        1 => proptest::sample::select(rejects).prop_map(Statement::Reject),
        1 => Just(Statement::Counter),
        1 => Just(Statement::Notrack),
        1 => limit,
        1 => proptest::sample::select(connection)
            .prop_map(|(key, value)| Statement::SetCt { key, value }),
        1 => proptest::sample::select(asides).prop_map(|it| Statement::Aside(it.into())),
    ]
}

fn generated_rule() -> impl Strategy<Value = Rule> {
    (proptest::collection::vec(statement(), 1..5), comment()).prop_map(|(statements, comment)| {
        Rule {
            statements,
            note: Note { comment, tag: None },
        }
    })
}

fn generated_set() -> impl Strategy<Value = Set> {
    let flags = proptest::sample::subsequence(
        vec![
            SetFlag::Constant,
            SetFlag::Dynamic,
            SetFlag::Interval,
            SetFlag::Timeout,
        ],
        0..=4,
    );
    (
        name(),
        flags,
        proptest::option::of(1u64..1 << 40),
        comment(),
        any::<bool>(),
    )
        .prop_map(|(name, flags, timeout, comment, is_map)| {
            let key_type = "ipv4_addr . inet_proto . inet_service";
            let mut set = match is_map {
                true => Set::map(&name, key_type, "verdict"),
                false => Set::new(&name, key_type),
            };
            set.flags = flags;
            set.timeout = timeout.map(Duration::from_millis);
            set.comment = comment;
            set
        })
}

fn generated_chain() -> impl Strategy<Value = Chain> {
    let base = (
        proptest::sample::select(Hook::ALL.to_vec()),
        -400i32..400,
        any::<bool>(),
    );
    (name(), proptest::option::of(base), comment()).prop_map(|(name, base, comment)| {
        let mut chain = match base {
            Some((hook, priority, _)) => {
                Chain::base(&name, ChainType::Filter, hook, Priority(priority))
            }
            None => Chain::regular(&name),
        };
        if let (Some(base), Some((.., true))) = (&mut chain.base, base) {
            base.policy = Policy::Drop;
        }
        chain.comment = comment;
        chain
    })
}

fn generated_object() -> impl Strategy<Value = Object> {
    let element = (
        name(),
        ipv4(),
        proptest::sample::select(vec![1u8, 6, 17, 58, 132]),
        any::<u16>(),
        verdict(),
        comment(),
    )
        .prop_map(|(set, address, protocol, port, verdict, comment)| {
            let key = vec![address.into(), Datum::Protocol(protocol), Datum::Port(port)];
            let mut element = Element::verdict(Datum::tuple(key), verdict);
            element.comment = comment;
            Object::Element { set, element }
        });
    prop_oneof![
        comment().prop_map(|comment| Object::Table { comment }),
        generated_chain().prop_map(Object::Chain),
        generated_set().prop_map(Object::Set),
        element,
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_printed_rule_is_read_back(rule in generated_rule()) {
        let text = rule.to_string();
        let read: Rule = text.parse().map_err(|error| {
            TestCaseError::fail(format!("{text}\n{error}"))
        })?;
        prop_assert_eq!(&read, &rule, "{}", text);
        let words: Vec<_> = nft::words(&rule).into_iter().map(|it| it.text).collect();
        prop_assert_eq!(words.join(" "), text);
    }

    #[test]
    fn a_printed_command_is_read_back(object in generated_object(), is_v6: bool) {
        let family = if is_v6 { TableFamily::Ip6 } else { TableFamily::Inet };
        let mut tx = Transaction::default();
        tx.push(Verb::Add, &TableKey::new(family, "kube-proxy"), object);
        let text = tx.to_string();
        let read = nft::parse(&text).map_err(|error| {
            TestCaseError::fail(format!("{text}\n{error}"))
        })?;
        prop_assert_eq!(read, tx, "{}", text);
    }

    #[test]
    fn a_listed_ruleset_is_the_same_ruleset(
        rules in proptest::collection::vec(generated_rule(), 0..4),
        chain in generated_chain(),
        set in generated_set(),
    ) {
        let mut tx = Transaction::default();
        let key = TableKey::new(TableFamily::Ip, "t");
        tx.push(Verb::Add, &key, Object::Table { comment: None });
        let name = chain.name.clone();
        tx.push(Verb::Add, &key, Object::Chain(chain));
        tx.push(Verb::Add, &key, Object::Set(set));
        for rule in rules {
            // Only what a table of IPv4 can hold: a family or a name of its own is another test.
            let text = rule.to_string();
            if text.contains("ip6") || text.contains("icmpv6") || text.contains('@') {
                continue;
            }
            tx.push(Verb::Add, &key, Object::Rule { chain: name.clone(), rule });
        }
        let mut ruleset = Ruleset::default();
        for command in &tx.commands {
            // Chains that rules lead to need not be there for a listing.
            let one = Transaction { commands: vec![command.clone()], ..Transaction::default() };
            let _ = one.apply(&mut ruleset);
        }
        let text = nft::list(&ruleset);
        let listing = nft::parse_listing(&text).map_err(|error| {
            TestCaseError::fail(format!("{text}\n{error}"))
        })?;
        prop_assert_eq!(
            nft::canonical_ruleset(&listing.ruleset),
            nft::canonical_ruleset(&ruleset),
            "{}", text
        );
        prop_assert_eq!(nft::list(&listing.ruleset), text);
    }

    #[test]
    fn canonical_is_reached_in_one_step(rule in generated_rule()) {
        let once = nft::canonical(&rule);
        prop_assert_eq!(nft::canonical(&once), once);
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "\\PC*") {
        let _ = nft::parse(&text);
        let _ = nft::parse_listing(&text);
        let _ = text.parse::<Rule>();
    }

    #[test]
    fn no_jumble_of_words_makes_the_reader_panic(
        words in proptest::collection::vec(proptest::sample::select(WORDS.split(' ').collect::<Vec<_>>()), 0..40)
    ) {
        let text = words.join(" ").replace('~', "\n");
        if let Ok(tx) = nft::parse(&text) {
            let printed = tx.to_string();
            let again = nft::parse(&printed);
            prop_assert!(again.is_ok(), "{}\n{}\n{:?}", text, printed, again);
        }
        let _ = nft::parse_listing(&format!("table ip t {{\n chain c {{\n {text}\n}}\n}}\n"));
        if let Ok(rule) = text.parse::<Rule>() {
            let _ = nft::canonical(&rule);
            let printed = rule.to_string();
            prop_assert!(printed.parse::<Rule>().is_ok(), "{}\n{}", text, printed);
        }
    }
}

/// Words of nft, by spaces; `~` stands for the end of a line.
const WORDS: &str = "add delete table chain rule set map element ip ip6 inet t c { } { } ( ) [ ] : ; , . ~ \
    | & ^ ! == != < - / @ * type hook priority filter input policy drop accept jump vmap ~ \
    meta mark and or l4proto tcp dport flags syn daddr saddr ct state new 0x4000 80 ~ \
    10.0.0.1 fd00::1 :: numgen random mod dnat to addr port masquerade reject with icmp ~ \
    update log prefix \"x\" limit rate comment \" elements = counter";
