//! Relays that do what they should not: memory stays bounded, nothing loops, others are served.

#[cfg(test)]
mod world;

#[cfg(test)]
mod hostile {
    use nostr_ferry::connections::{Config, Input, SocketEvent};
    use nostr_ferry::message::{ParserToConnections, RelayFault, RelayMessage, RelayState};
    use nostr_ferry::nostr::filter::Filter;
    use nostr_ferry::nostr::frame::{ClientFrame, FrameLimits};
    use nostr_ferry::nostr::kind::Kind;
    use nostr_ferry::nostr::relay_url::RelayUrl;

    use super::world::net::{Door, Net};
    use super::world::relay::{AuthRule, Manners, ScriptedRelay, signed_event, unsigned_event};

    fn kind(kind: u16) -> Filter {
        Filter {
            kinds: Some(vec![Kind(kind)]),
            ..Filter::default()
        }
    }

    /// A relay that has answered a REQ named "s".
    fn open(manners: Manners) -> (Net, RelayUrl) {
        let mut net = Net::new(Config::default());
        let a = net.add("a", ScriptedRelay::new(manners));
        net.req(std::slice::from_ref(&a), "s", &[kind(1)]);
        (net, a)
    }

    #[test]
    fn frames_that_are_none_are_counted_and_skipped() {
        let long = format!("[\"NOTICE\",\"{}\"]", "x".repeat(1 << 20));
        for (frame, malformed, unknown) in [
            ("", 1, 0),
            ("[", 1, 0),
            ("[\"EVENT\",\"s\",{\"id\":", 1, 0),
            ("{}", 1, 0),
            ("[]", 1, 0),
            ("[\"EVENT\",\"s\"]", 1, 0),
            ("[\"EVENT\",1,{}]", 1, 0),
            ("[\"NEG-MSG\",\"s\",\"00\"]", 1, 0),
            ("[\"OK\",\"zz\",true,\"\"]", 1, 0),
            (long.as_str(), 1, 0),
            ("[\"EVENT\",\"nobody\",{}]", 0, 1),
            ("[\"EOSE\",\"nobody\"]", 0, 1),
            ("[\"CLOSED\",\"nobody\",\"\"]", 0, 1),
            ("[\"COUNT\",\"nobody\",{\"count\":1}]", 0, 1),
            ("[\"EOSE\",\"s\"]", 0, 1),
            (
                "[\"OK\",\"0000000000000000000000000000000000000000000000000000000000000000\",true,\"\"]",
                1,
                0,
            ),
        ] {
            let (mut net, a) = open(Manners::default());
            net.say(&a, frame);
            let counters = net.core.counters();
            let short: String = frame.chars().take(40).collect();
            assert!(
                counters.contains(&("malformed".into(), malformed)),
                "{short}: {counters:?}"
            );
            assert!(
                counters.contains(&("unknown_sub".into(), unknown)),
                "{short}: {counters:?}"
            );
            assert_eq!(net.words(), ["EOSE s"], "{short}");
            assert_eq!(net.statuses[&a].state, RelayState::Open);
        }
    }

    #[test]
    fn binary_and_over_long_frames_are_counted() {
        let (mut net, a) = open(Manners::default());
        let socket = net.host(&a).socket.unwrap();
        net.input(Input::Socket(SocketEvent::Binary { socket }));
        net.input(Input::Socket(SocketEvent::TooLong { socket }));
        assert!(net.core.counters().contains(&("malformed".into(), 2)));
        net.say(&a, "[\"NOTICE\",\"still here\"]");
        assert_eq!(net.words().last().unwrap(), "NOTICE still here");
    }

    #[test]
    fn frames_are_taken_up_to_the_configured_length_and_depth() {
        let notice = |length: usize| format!("[\"NOTICE\",\"{}\"]", "x".repeat(length - 13));
        let nested = |depth: usize| format!("[\"EOSE\",\"s\",{}{}]", "[".repeat(depth - 1), "]".repeat(depth - 1));
        for (frame, malformed) in [(notice(200), 0), (notice(201), 1), (nested(3), 0), (nested(4), 1)] {
            let mut net = Net::new(Config {
                frame: FrameLimits { bytes: 200, depth: 3 },
                ..Config::default()
            });
            let a = net.add("a", ScriptedRelay::new(Manners::default()));
            net.req(std::slice::from_ref(&a), "s", &[kind(1)]);
            net.say(&a, &frame);
            assert!(
                net.core.counters().contains(&("malformed".into(), malformed)),
                "{frame}"
            );
        }
    }

    #[test]
    fn a_relay_that_keeps_misbehaving_is_backed_off_with_a_reason() {
        let (mut net, a) = open(Manners::default());
        let connections = net.host(&a).relay.connections();
        for _ in 0..200 {
            net.say(&a, "garbage");
        }
        assert!(net.host(&a).socket.is_none());
        assert_eq!(net.statuses[&a].reason, "the relay keeps sending faulty frames");
        net.req(std::slice::from_ref(&a), "t", &[kind(1)]);
        let word = net.words().pop().unwrap();
        assert!(
            word.starts_with("UNREACHABLE t"),
            "nobody waits for it meanwhile: {word}"
        );
        net.advance(29_000);
        assert_eq!(net.host(&a).relay.connections(), connections, "left alone for a while");
        net.host(&a).pipe.clear();
        net.advance(60_000);
        assert_eq!(net.host(&a).relay.connections(), connections + 1, "and tried again");
    }

    #[test]
    fn forged_events_count_for_more_than_broken_ones() {
        let (mut net, a) = open(Manners::default());
        for n in 0..11 {
            assert!(net.host(&a).socket.is_some(), "{n}");
            let (relay, fault) = (a.clone(), RelayFault::Forged);
            net.parser_says(ParserToConnections::Misbehaved { relay, fault });
        }
        assert!(net.host(&a).socket.is_none());
        assert_eq!(net.statuses[&a].counters.forged, 11);
    }

    #[test]
    fn a_flood_of_garbage_is_cut_off_after_a_hundred_frames() {
        let (mut net, a) = open(Manners::default());
        net.host(&a)
            .pipe
            .extend((0..100_000).map(|_| "[\"EVENT\",\"nobody\",{}]".to_owned()));
        net.drive();
        assert!(net.host(&a).socket.is_none());
        assert!(net.core.counters().contains(&("unknown_sub".into(), 101)));
        assert_eq!(net.words(), ["EOSE s"]);
        net.advance(120_000);
        assert_eq!(net.statuses[&a].state, RelayState::Open, "it is given another chance");
    }

    #[test]
    fn a_flood_of_frames_the_parser_must_see_is_bounded_by_the_spool() {
        let frame = format!("[\"EVENT\",\"s\",{}]", unsigned_event(1, 1, 1, "x").to_json());
        let (mut net, a) = open(Manners::default());
        net.parser_reads = false;
        for n in 0..100_000 {
            let frame = frame.replace("\"x\"", &format!("\"{n}\""));
            net.host(&a).pipe.push_back(frame);
        }
        net.drive();
        assert!(net.out.parser.bytes(&a) < (2 << 20) + 1_000);
        assert_eq!(net.statuses[&a].state, RelayState::Shed);
        net.parser_reads = true;
        net.advance(5_000);
        assert_eq!(net.statuses[&a].state, RelayState::Open);
    }

    #[test]
    fn a_relay_that_floods_with_notices_at_every_req_is_left_alone_and_its_requests_end() {
        for parser_reads in [false, true] {
            let (mut net, a) = open(Manners {
                notices: 100_000,
                ..Manners::default()
            });
            // The parser keeps up, or only just, which must not make the request wait for the flood's end.
            net.parser_reads = parser_reads;
            net.req(std::slice::from_ref(&a), "t", &[kind(1)]);
            for _ in 0..200 {
                net.take(2_000);
                net.advance(100);
            }
            net.parser_reads = true;
            net.drive();
            assert_eq!(net.statuses[&a].reason, "the relay floods the page with notices");
            assert_eq!(net.statuses[&a].counters.malformed, 0);
            for id in ["s", "t"] {
                let start = format!("UNREACHABLE {id} ");
                let words = net.words();
                assert!(
                    words.iter().any(|word| word.starts_with(&start)),
                    "{id} of {}",
                    words.len()
                );
            }
            let notices = net.words().iter().filter(|word| word.starts_with("NOTICE")).count();
            assert!(notices < 3_000, "{notices} notices");
        }
    }

    #[test]
    fn a_relay_that_is_shed_before_its_forgeries_are_found_is_left_alone_in_the_end() {
        let (mut net, a) = open(Manners::default());
        net.parser_reads = false;
        for n in 0..100_000 {
            let event = unsigned_event(n, 1, 1, "forged").to_json();
            net.host(&a).pipe.push_back(format!("[\"EVENT\",\"s\",{event}]"));
        }
        net.drive();
        assert_eq!(net.statuses[&a].state, RelayState::Shed);
        for _ in 0..11 {
            let (relay, fault) = (a.clone(), RelayFault::Forged);
            net.parser_says(ParserToConnections::Misbehaved { relay, fault });
        }
        let status = &net.statuses[&a];
        assert_eq!(status.state, RelayState::Closed);
        assert_eq!(status.reason, "the relay keeps sending faulty frames");
        net.parser_reads = true;
        net.advance(29_000);
        assert_eq!(net.host(&a).relay.connections(), 1);
    }

    #[test]
    fn faults_outlive_the_connection_and_are_forgiven_with_time() {
        for (pause_ms, expected) in [(0, "the relay keeps sending faulty frames"), (90_000, "")] {
            let (mut net, a) = open(Manners::default());
            for _ in 0..2 {
                for _ in 0..80 {
                    net.say(&a, "garbage");
                }
                if net.host(&a).socket.is_some() {
                    net.cut(&a);
                    net.advance(2_000 + pause_ms);
                }
            }
            assert_eq!(net.statuses[&a].reason, expected, "{pause_ms}");
        }
    }

    #[test]
    fn a_relay_whose_events_are_never_taken_in_time_does_not_keep_a_request_from_its_end() {
        let mut net = Net::new(Config::default());
        let a = net.add("a", ScriptedRelay::default());
        net.parser_reads = false;
        net.host(&a).stalled = true;
        net.req(std::slice::from_ref(&a), "s", &[kind(1)]);
        let mut number = 0;
        for _ in 0..100 {
            net.host(&a).pipe.clear();
            for _ in 0..50 {
                number += 1;
                let event = unsigned_event(number, 1, net.now.unix.0, "").to_json();
                net.host(&a).pipe.push_back(format!("[\"EVENT\",\"s\",{event}]"));
            }
            net.host(&a).stalled = false;
            net.take(49);
            net.host(&a).stalled = true;
            net.advance(1_000);
        }
        net.parser_reads = true;
        net.drive();
        let word = "UNREACHABLE s it sends more than can be checked in time";
        assert_eq!(
            net.words().iter().filter(|had| *had == word).count(),
            1,
            "{:?}",
            net.words()
        );
    }

    #[test]
    fn more_events_than_the_limit_are_passed_on_and_end_nothing() {
        let (mut net, a) = open(Manners::default());
        net.host(&a).stalled = true;
        let filter = Filter {
            limit: Some(1),
            ..kind(1)
        };
        net.req(std::slice::from_ref(&a), "few", &[filter]);
        for n in 0..50 {
            let event = unsigned_event(n, 1, 100, "").to_json();
            net.host(&a).pipe.push_front(format!("[\"EVENT\",\"few\",{event}]"));
        }
        net.host(&a).stalled = false;
        net.drive();
        assert_eq!(net.ids("few").len(), 50);
        assert_eq!(net.words(), ["EOSE s", "EOSE few"]);
        assert!(net.core.counters().contains(&("unmatched".into(), 49)), "and counted");
    }

    #[test]
    fn live_events_before_eose_are_not_taken_for_more_than_the_limit() {
        let (mut net, a) = open(Manners {
            says_eose: false,
            ..Manners::default()
        });
        let filter = Filter {
            limit: Some(0),
            ..kind(1)
        };
        net.req(std::slice::from_ref(&a), "live", &[filter]);
        for n in 0..500 {
            net.publish(&a, unsigned_event(n, 1, net.now.unix.0 - u64::from(n % 60), ""));
        }
        net.drive();
        assert_eq!(net.ids("live").len(), 500);
        assert!(net.core.counters().contains(&("unmatched".into(), 0)));
    }

    #[test]
    fn a_flood_beyond_the_limit_is_cut_off() {
        let (mut net, a) = open(Manners::default());
        net.host(&a).stalled = true;
        let filter = Filter {
            limit: Some(10),
            ..kind(1)
        };
        net.req(std::slice::from_ref(&a), "few", &[filter]);
        for n in 0..100_000 {
            let event = unsigned_event(n, 1, 100, "").to_json();
            net.host(&a).pipe.push_front(format!("[\"EVENT\",\"few\",{event}]"));
        }
        net.host(&a).stalled = false;
        net.drive();
        assert!(net.host(&a).socket.is_none());
        assert_eq!(net.statuses[&a].counters.unmatched, 1_010);
        assert_eq!(
            net.statuses[&a].reason,
            "the relay keeps sending more than it was asked for"
        );
    }

    #[test]
    fn a_relay_without_eose_is_reported_and_then_taken_as_it_is() {
        let (mut net, a) = open(Manners {
            says_eose: false,
            ..Manners::default()
        });
        net.advance(9_000);
        assert_eq!(net.words(), [""; 0]);
        net.advance(2_000);
        assert_eq!(net.words(), ["UNREACHABLE s no EOSE in time"]);
        net.advance(600_000);
        assert_eq!(net.host(&a).relay.connections(), 2, "one new socket might have helped");
        assert_eq!(net.words().len(), 1);
        net.publish(&a, unsigned_event(1, 1, net.now.unix.0, "live"));
        net.drive();
        assert_eq!(net.ids("s").len(), 1);
    }

    #[test]
    fn a_socket_that_stalls_in_the_middle_of_an_answer_is_replaced() {
        let mut net = Net::new(Config::default());
        let mut relay = ScriptedRelay::default();
        relay.store((0..100).map(|n| unsigned_event(n, 1, 1_000 + u64::from(n), "")));
        let a = net.add("a", relay);
        net.host(&a).stalled = true;
        net.req(std::slice::from_ref(&a), "s", &[kind(1)]);
        net.host(&a).stalled = false;
        net.step(20);
        net.host(&a).stalled = true;
        net.advance(31_000);
        net.host(&a).stalled = false;
        net.advance(5_000);
        assert_eq!(net.host(&a).relay.connections(), 2);
        assert_eq!(net.ids("s").len(), 100);
        assert_eq!(net.words(), ["UNREACHABLE s no EOSE in time", "EOSE s"]);
    }

    #[test]
    fn accept_then_close_is_dialled_less_and_less() {
        let mut net = Net::new(Config::default());
        let a = net.add("a", ScriptedRelay::default());
        net.host(&a).door = Door::Slams;
        net.req(std::slice::from_ref(&a), "s", &[kind(1)]);
        net.advance(3_600_000);
        let connects = net.statuses[&a].counters.connects;
        assert!((8..40).contains(&connects), "{connects}");
        assert_eq!(
            net.statuses[&a].reason,
            "the relay closed the connection (code 1013): try again later"
        );
        assert_eq!(net.words().len(), 1, "{:?}", net.words());
    }

    #[test]
    fn a_closed_loop_ends() {
        let (mut net, a) = open(Manners::default());
        // It answers, and closes at once, every time.
        for _ in 0..50 {
            let subs: Vec<String> = net
                .host(&a)
                .relay
                .open_subs()
                .iter()
                .map(|sub| sub.to_string())
                .collect();
            for sub in subs {
                net.say(
                    &a,
                    &format!("[\"CLOSED\",\"{sub}\",\"error: shutting down idle subscription\"]"),
                );
            }
            net.advance(10_000);
        }
        let frames = net.host(&a).relay.received.len();
        assert!(frames < 20, "{frames}");
    }

    #[test]
    fn an_auth_loop_ends() {
        let (mut net, a) = open(Manners {
            auth: AuthRule::Loop,
            ..Manners::default()
        });
        for _ in 0..100 {
            let challenges = net.words().iter().filter(|word| word.starts_with("AUTH")).count();
            let Some(RelayMessage::Auth { challenge, .. }) = net
                .parser
                .iter()
                .rfind(|message| matches!(message, RelayMessage::Auth { .. }))
                .cloned()
            else {
                panic!("no challenge")
            };
            assert!(challenges <= 4);
            let event = signed_event(1, 22242, 5, &[&["challenge", &challenge]], "");
            net.parser_says(ParserToConnections::Authenticate {
                relay: a.clone(),
                event,
            });
            net.advance(1_000);
        }
        let sent = net
            .host(&a)
            .relay
            .received
            .iter()
            .filter(|f| matches!(f, ClientFrame::Auth(_)))
            .count();
        assert!(sent <= 4, "{sent}");
        let reqs = net
            .host(&a)
            .relay
            .received
            .iter()
            .filter(|f| matches!(f, ClientFrame::Req { .. }))
            .count();
        assert!(reqs <= 4, "{reqs}");
    }

    #[test]
    fn a_stream_of_challenges_is_not_signed_without_end() {
        let (mut net, a) = open(Manners::default());
        for n in 0..90 {
            net.say(&a, &format!("[\"AUTH\",\"challenge {n}\"]"));
        }
        assert_eq!(net.words().iter().filter(|word| word.starts_with("AUTH")).count(), 4);
    }

    #[test]
    fn a_forged_copy_hides_nothing() {
        let mut net = Net::new(Config::default());
        let event = unsigned_event(1, 1, 5, "true");
        let forged = unsigned_event(1, 1, 5, "forged");
        let mut relays = Vec::new();
        for (name, event) in [("a", &forged), ("b", &event)] {
            let mut relay = ScriptedRelay::default();
            relay.store([event.clone()]);
            relays.push(net.add(name, relay));
        }
        // The id is known to be good, from elsewhere.
        net.parser_says(ParserToConnections::Verified { ids: vec![event.id] });
        net.req(&relays, "s", &[kind(1)]);
        let whole = event.to_json();
        let passed = net
            .parser
            .iter()
            .any(|m| matches!(m, RelayMessage::Event { json, .. } if *json == whole));
        assert!(passed);
    }
}
