//! What the connections role does, one behaviour a test: dialling, subscriptions, publishes, NIP-11, NIP-42, NIP-45.

#[cfg(test)]
mod world;

#[cfg(test)]
mod connections {
    use nostr_ferry::connections::{Config, Input, SocketEvent};
    use nostr_ferry::message::{
        Control, Envelope, PageToConnections, ParserToConnections, RelayMessage, RelayState, RequestId,
    };
    use nostr_ferry::nostr::filter::Filter;
    use nostr_ferry::nostr::frame::ClientFrame;
    use nostr_ferry::nostr::kind::Kind;
    use nostr_ferry::nostr::relay_url::RelayUrl;

    use super::world::net::{Door, Net, in_short, sub, url};
    use super::world::relay::{AuthRule, Manners, ScriptedRelay, signed_event, unsigned_event};

    /// What is said of a dial of `wss://` that came to nothing.
    const FAILED: &str =
        "the connection failed: nothing answers there, or nothing with TLS and a certificate that holds";

    fn kind(kind: u16) -> Filter {
        Filter {
            kinds: Some(vec![Kind(kind)]),
            ..Filter::default()
        }
    }

    fn one(manners: Manners) -> (Net, RelayUrl) {
        let mut net = Net::new(Config::default());
        let mut relay = ScriptedRelay::new(manners);
        relay.store((0..3).map(|n| unsigned_event(n, 1, 1_000 + u64::from(n), "")));
        let a = net.add("a", relay);
        (net, a)
    }

    fn ask(net: &mut Net, relay: &RelayUrl, id: &str) {
        net.req(std::slice::from_ref(relay), id, &[kind(1)]);
    }

    fn publish(net: &mut Net, relay: &RelayUrl) {
        net.send(
            std::slice::from_ref(relay),
            ClientFrame::Event(signed_event(1, 1, 5, &[], "hi")),
        );
    }

    /// The signer answers every challenge the parser was handed.
    fn sign(net: &mut Net) {
        let challenges: Vec<(RelayUrl, String)> = net
            .parser
            .iter()
            .filter_map(|message| match message {
                RelayMessage::Auth { relay, challenge } => Some((relay.clone(), challenge.clone())),
                _ => None,
            })
            .collect();
        for (relay, challenge) in challenges {
            let tags: &[&[&str]] = &[&["relay", relay.as_str()], &["challenge", &challenge]];
            let event = signed_event(1, 22242, 5, tags, "");
            net.parser_says(ParserToConnections::Authenticate { relay, event });
        }
    }

    fn reqs(net: &mut Net, relay: &RelayUrl) -> usize {
        let frames = &net.host(relay).relay.received;
        frames
            .iter()
            .filter(|frame| matches!(frame, ClientFrame::Req { .. }))
            .count()
    }

    #[test]
    fn stored_events_then_eose_then_live_events_are_passed_on_in_order() {
        let (mut net, a) = one(Manners::default());
        ask(&mut net, &a, "s");
        net.publish(&a, unsigned_event(9, 1, 2_000, "live"));
        net.drive();
        let labels: Vec<String> = net
            .parser
            .iter()
            .map(|m| in_short(m).chars().take(5).collect())
            .collect();
        assert_eq!(labels, ["EVENT", "EVENT", "EVENT", "EOSE ", "EVENT"]);
        assert_eq!(net.statuses[&a].state, RelayState::Open);
        assert_eq!(net.statuses[&a].counters.connects, 1);
    }

    #[test]
    fn an_events_json_passes_untouched() {
        let (mut net, a) = one(Manners::default());
        ask(&mut net, &a, "s");
        net.parser.clear();
        let json = "{ \"odd\" : [1,2 ], \"id\":\"x\"}";
        net.say(&a, &format!("[\"EVENT\",\"s\", {json} ]"));
        assert_eq!(net.parser.len(), 1);
        assert_eq!(in_short(&net.parser[0]), format!("EVENT s {json}"));
    }

    #[test]
    fn a_close_reaches_only_relays_that_had_the_sub() {
        let (mut net, a) = one(Manners::default());
        let b = net.add("b", ScriptedRelay::default());
        ask(&mut net, &a, "s");
        let close = ClientFrame::Close { sub: sub("s") };
        net.send(&[a.clone(), b.clone()], close.clone());
        assert_eq!(net.host(&a).relay.received.last(), Some(&close));
        assert!(net.host(&a).relay.open_subs().is_empty());
        assert_eq!(net.host(&b).relay.connections(), 0);
        // What was on its way is no fault of the relay.
        net.say(&a, "[\"EVENT\",\"s\",{}]");
        assert_eq!(net.words(), ["EOSE s"]);
        assert!(net.core.counters().contains(&("unknown_sub".into(), 0)));
    }

    #[test]
    fn a_req_with_the_same_id_begins_anew() {
        let (mut net, a) = one(Manners::default());
        ask(&mut net, &a, "s");
        net.parser.clear();
        net.req(std::slice::from_ref(&a), "s", &[kind(1), kind(2)]);
        assert_eq!(net.ids("s").len(), 3, "the parser wants them again");
        assert_eq!(net.words(), ["EOSE s"]);
        assert_eq!(net.host(&a).relay.open_subs().len(), 1);
    }

    #[test]
    fn an_unneeded_socket_is_closed_and_opened_again_when_needed() {
        let (mut net, a) = one(Manners::default());
        ask(&mut net, &a, "s");
        net.send(std::slice::from_ref(&a), ClientFrame::Close { sub: sub("s") });
        net.advance(29_000);
        assert!(net.host(&a).socket.is_some());
        net.advance(2_000);
        assert!(net.host(&a).socket.is_none());
        assert_eq!(net.statuses[&a].state, RelayState::Closed);
        assert_eq!(net.statuses[&a].reason, "not needed at present");
        assert_eq!(net.core.next_timeout(), None, "an idle role sleeps");
        ask(&mut net, &a, "t");
        assert_eq!(net.host(&a).relay.connections(), 2);
    }

    #[test]
    fn a_lost_socket_is_dialled_again_and_the_sub_goes_on() {
        let (mut net, a) = one(Manners::default());
        ask(&mut net, &a, "s");
        net.cut(&a);
        assert_eq!(net.statuses[&a].state, RelayState::Closed);
        assert!(net.statuses[&a].reason.contains("1006"));
        let event = unsigned_event(9, 1, net.now.unix.0, "while away");
        net.publish(&a, event.clone());
        net.advance(1_500);
        assert!(net.ids("s").contains(&event.id));
        assert_eq!(net.words(), ["EOSE s"], "EOSE is passed on once");
    }

    #[test]
    fn a_dial_that_comes_to_nothing_says_what_may_be_wrong() {
        for (door, address, reason) in [
            (Door::Refuses, "wss://a", FAILED),
            (Door::Refuses, "ws://a", "the connection failed"),
            (
                Door::Forbidden,
                "ws://a",
                "the browser forbids it: a page that came over https reaches wss:// only",
            ),
            (Door::Silent, "wss://a", "no answer to the connection attempt"),
        ] {
            let mut net = Net::new(Config::default());
            let a = RelayUrl::parse(address).unwrap();
            net.hosts.entry(a.clone()).or_default().door = door;
            ask(&mut net, &a, "s");
            net.advance(15_000);
            let status = &net.statuses[&a];
            assert_eq!((status.state, status.reason.as_str()), (RelayState::Failed, reason));
            assert_eq!(status.counters.connects, 0);
        }
    }

    #[test]
    fn retries_grow_apart_until_the_browser_is_online_again() {
        let (mut net, a) = one(Manners::default());
        net.host(&a).door = Door::Refuses;
        ask(&mut net, &a, "s");
        assert_eq!(net.statuses[&a].state, RelayState::Failed);
        assert_eq!(net.words(), [format!("UNREACHABLE s not connected: {FAILED}")]);
        net.advance(600_000);
        let waited = net.core.next_timeout().unwrap().since(net.now.mono);
        assert!(waited > 30_000, "{waited}");
        net.host(&a).door = Door::Open;
        net.input(Input::Page(PageToConnections::Online));
        assert_eq!(net.statuses[&a].state, RelayState::Open);
        assert_eq!(
            net.words().last().map(String::as_str),
            Some("EOSE s"),
            "a late EOSE is passed on too"
        );
    }

    #[test]
    fn somebody_who_asks_anew_does_not_wait_for_the_next_retry() {
        let (mut net, a) = one(Manners::default());
        net.host(&a).door = Door::Refuses;
        ask(&mut net, &a, "s");
        net.advance(600_000);
        let dials = net.dials;
        ask(&mut net, &a, "t");
        ask(&mut net, &a, "u");
        assert_eq!(net.dials, dials + 1, "but the attempt just made is not made again");
        let words = net.words();
        assert!(
            words.last().unwrap().starts_with("UNREACHABLE u"),
            "and nobody waits for what has failed: {words:?}"
        );
    }

    #[test]
    fn a_stable_connection_ends_the_row_of_failures() {
        let (mut net, a) = one(Manners::default());
        net.host(&a).door = Door::Refuses;
        ask(&mut net, &a, "s");
        net.advance(300_000);
        net.host(&a).door = Door::Open;
        net.advance(300_000);
        assert_eq!(net.statuses[&a].state, RelayState::Open);
        net.cut(&a);
        let waited = net.core.next_timeout().unwrap().since(net.now.mono);
        assert!(waited <= 1_000, "{waited}");
    }

    #[test]
    fn eighty_relays_are_no_storm_and_forty_that_refuse_hold_nobody_up() {
        let mut net = Net::new(Config::default());
        let relays: Vec<RelayUrl> = (0..80)
            .map(|n| net.add(&format!("r{n}"), ScriptedRelay::default()))
            .collect();
        for relay in relays.iter().step_by(2) {
            net.host(relay).door = Door::Refuses;
        }
        net.req(&relays, "s", &[kind(1)]);
        assert!(net.most_dialling <= 8, "{}", net.most_dialling);
        assert_eq!(net.words().iter().filter(|word| *word == "EOSE s").count(), 40);
        assert_eq!(
            net.words()
                .iter()
                .filter(|word| word.starts_with("UNREACHABLE"))
                .count(),
            40
        );
        net.advance(60_000);
        assert_eq!(net.words().len(), 80, "each relay is reported once");
    }

    #[test]
    fn relays_that_do_not_answer_wait_for_each_other_but_not_forever() {
        let mut net = Net::new(Config::default());
        let relays: Vec<RelayUrl> = (0..20)
            .map(|n| net.add(&format!("r{n}"), ScriptedRelay::default()))
            .collect();
        for relay in &relays[..19] {
            net.host(relay).door = Door::Silent;
        }
        net.req(&relays, "s", &[kind(1)]);
        net.advance(45_000);
        assert!(net.words().contains(&"EOSE s".into()));
        assert!(net.most_dialling <= 8);
    }

    #[test]
    fn sockets_are_bounded_and_an_unneeded_one_makes_room() {
        let mut net = Net::new(Config {
            max_sockets: 2,
            ..Config::default()
        });
        let relays: Vec<RelayUrl> = (0..3)
            .map(|n| net.add(&format!("r{n}"), ScriptedRelay::default()))
            .collect();
        net.req(&relays, "s", &[kind(1)]);
        let open = |net: &Net| net.hosts.values().filter(|host| host.socket.is_some()).count();
        assert_eq!(open(&net), 2);
        net.send(&relays[..1], ClientFrame::Close { sub: sub("s") });
        assert_eq!(open(&net), 2);
        assert!(net.host(&relays[0]).socket.is_none());
        assert!(net.host(&relays[2]).socket.is_some());
    }

    #[test]
    fn a_publish_is_sent_answered_and_over() {
        let (mut net, a) = one(Manners::default());
        publish(&mut net, &a);
        assert_eq!(net.words(), ["SENT", "OK true "]);
        net.advance(60_000);
        assert_eq!(net.words().len(), 2);
    }

    #[test]
    fn a_publish_without_ok_is_sent_again_after_a_cut_and_reported_in_time() {
        let (mut net, a) = one(Manners {
            says_ok: false,
            ..Manners::default()
        });
        publish(&mut net, &a);
        net.cut(&a);
        net.advance(2_000);
        let events = net
            .host(&a)
            .relay
            .received
            .iter()
            .filter(|f| matches!(f, ClientFrame::Event(_)))
            .count();
        assert_eq!(events, 2);
        assert_eq!(net.words(), ["SENT"]);
        net.advance(15_000);
        assert_eq!(
            net.words(),
            ["SENT", "UNSENT sent, but the relay did not answer in time"]
        );
    }

    #[test]
    fn a_publish_to_a_relay_that_cannot_be_reached_is_reported_with_the_reason() {
        let (mut net, a) = one(Manners::default());
        net.host(&a).door = Door::Refuses;
        publish(&mut net, &a);
        net.advance(16_000);
        assert_eq!(net.words(), [format!("UNSENT not connected: {FAILED}")]);
        net.advance(600_000);
        assert_eq!(net.core.next_timeout(), None, "nothing needs that relay");
    }

    #[test]
    fn the_outgoing_queue_keeps_its_order_and_its_bound() {
        let mut net = Net::new(Config {
            max_publishes: 3,
            ..Config::default()
        });
        let a = net.add("a", ScriptedRelay::default());
        net.host(&a).door = Door::Refuses;
        for n in 0..4 {
            let event = signed_event(1, 1, n, &[], "");
            net.send(std::slice::from_ref(&a), ClientFrame::Event(event));
        }
        assert_eq!(net.words(), ["UNSENT too many events wait for this relay"]);
        net.host(&a).door = Door::Open;
        net.advance(2_000);
        let received = net.host(&a).relay.received.iter();
        let dates: Vec<u64> = received
            .filter_map(|frame| match frame {
                ClientFrame::Event(event) => Some(event.created_at.0),
                _ => None,
            })
            .collect();
        assert_eq!(dates, [0, 1, 2]);
    }

    #[test]
    fn an_oks_reason_is_passed_on_in_full() {
        let (mut net, a) = one(Manners {
            says_ok: false,
            ..Manners::default()
        });
        publish(&mut net, &a);
        let id = signed_event(1, 1, 5, &[], "hi").id;
        net.say(
            &a,
            &format!("[\"OK\",\"{id}\",false,\"pow: difficulty 26 is less than 30\"]"),
        );
        assert_eq!(net.words(), ["SENT", "OK false pow: difficulty 26 is less than 30"]);
    }

    #[test]
    fn authentication_is_asked_of_the_signer_and_the_refused_is_sent_again() {
        for auth in [AuthRule::Required, AuthRule::RequiredWithoutOk] {
            let (mut net, a) = one(Manners {
                auth,
                ..Manners::default()
            });
            ask(&mut net, &a, "s");
            publish(&mut net, &a);
            net.send(
                std::slice::from_ref(&a),
                ClientFrame::Count {
                    sub: sub("c"),
                    filters: vec![kind(1)],
                },
            );
            assert_eq!(net.statuses[&a].state, RelayState::Authenticating);
            assert_eq!(net.words(), ["AUTH challenge 1", "SENT"]);
            sign(&mut net);
            net.advance(11_000);
            assert_eq!(net.statuses[&a].state, RelayState::Open, "{auth:?}");
            let words = net.words();
            for wanted in ["EOSE s", "OK true ", "COUNT c 4"] {
                assert!(words.contains(&wanted.into()), "{auth:?}: {words:?}");
            }
            assert_eq!(net.ids("s").len(), 4);
        }
    }

    #[test]
    fn what_needs_authentication_that_comes_to_nothing_is_refused_in_the_relays_words() {
        let (mut net, a) = one(Manners {
            auth: AuthRule::Refused,
            ..Manners::default()
        });
        ask(&mut net, &a, "s");
        publish(&mut net, &a);
        sign(&mut net);
        let words = net.words();
        assert!(
            words.contains(&"CLOSED s auth-required: restricted: not you".into()),
            "{words:?}"
        );
        assert!(
            words.contains(&"OK false auth-required: restricted: not you".into()),
            "{words:?}"
        );
        assert_eq!(net.statuses[&a].reason, "not authenticated: restricted: not you");
    }

    #[test]
    fn without_a_signer_what_needs_authentication_is_refused_after_a_while() {
        let (mut net, a) = one(Manners {
            auth: AuthRule::Required,
            ..Manners::default()
        });
        ask(&mut net, &a, "s");
        net.advance(40_000);
        let words = net.words();
        assert!(words.contains(&"UNREACHABLE s no EOSE in time".into()), "{words:?}");
        assert!(
            words.iter().any(|word| word.starts_with("CLOSED s auth-required:")),
            "{words:?}"
        );
    }

    const NO_SIGNER: &str = "no signer is set";

    fn signer_says_no(net: &mut Net, relay: &RelayUrl) {
        let (relay, reason) = (relay.clone(), NO_SIGNER.to_owned());
        net.parser_says(ParserToConnections::CannotAuthenticate { relay, reason });
    }

    fn sign_in(net: &mut Net) {
        let pubkey = signed_event(1, 1, 5, &[], "").pubkey;
        net.input(Input::Page(PageToConnections::SignedIn { pubkey }));
    }

    #[test]
    fn without_a_signer_what_needs_authentication_is_refused_at_once_and_asked_again_when_there_is_one() {
        for away in [false, true] {
            let (mut net, a) = one(Manners {
                auth: AuthRule::Required,
                ..Manners::default()
            });
            ask(&mut net, &a, "s");
            ask(&mut net, &a, "closed meanwhile");
            let count = ClientFrame::Count {
                sub: sub("c"),
                filters: vec![kind(1)],
            };
            net.send(std::slice::from_ref(&a), count);
            signer_says_no(&mut net, &a);
            let words = net.words();
            for refused in ["s", "closed meanwhile", "c"] {
                let word = format!("CLOSED {refused} auth-required: {NO_SIGNER}");
                assert!(words.contains(&word), "{words:?}");
            }
            assert_eq!(net.statuses[&a].state, RelayState::Open);
            assert_eq!(net.statuses[&a].reason, format!("not authenticated: {NO_SIGNER}"));
            let sub = sub("closed meanwhile");
            net.send(std::slice::from_ref(&a), ClientFrame::Close { sub });
            if away {
                net.advance(40_000);
                assert!(net.host(&a).socket.is_none(), "what is refused needs no socket");
            }
            net.parser.clear();
            sign_in(&mut net);
            sign(&mut net);
            assert_eq!(net.ids("s").len(), 3, "away: {away}");
            assert_eq!(net.words().last().unwrap(), "EOSE s");
            assert!(net.ids("closed meanwhile").is_empty());
            assert_eq!(
                (net.statuses[&a].state, &*net.statuses[&a].reason),
                (RelayState::Open, "")
            );
        }
    }

    #[test]
    fn a_signer_that_comes_while_none_was_being_asked_is_asked() {
        let (mut net, a) = one(Manners {
            auth: AuthRule::Required,
            ..Manners::default()
        });
        ask(&mut net, &a, "s");
        // The parser's word is on its way when somebody signs in.
        sign_in(&mut net);
        signer_says_no(&mut net, &a);
        assert_eq!(net.words(), ["AUTH challenge 1", "AUTH challenge 1"]);
        sign(&mut net);
        assert_eq!(net.ids("s").len(), 3);
    }

    #[test]
    fn a_signer_that_is_refused_too_ends_it_again() {
        let (mut net, a) = one(Manners {
            auth: AuthRule::Refused,
            ..Manners::default()
        });
        ask(&mut net, &a, "s");
        signer_says_no(&mut net, &a);
        sign_in(&mut net);
        sign(&mut net);
        net.advance(60_000);
        let words = net.words();
        let last = "CLOSED s auth-required: restricted: not you";
        assert_eq!(words.iter().filter(|word| *word == last).count(), 1, "{words:?}");
        assert!(reqs(&mut net, &a) <= 3);
    }

    #[test]
    fn a_relay_that_asks_but_serves_everybody_is_used_at_once() {
        let (mut net, a) = one(Manners {
            auth: AuthRule::Optional,
            ..Manners::default()
        });
        ask(&mut net, &a, "s");
        assert_eq!(net.ids("s").len(), 3);
        net.advance(40_000);
        assert_eq!(net.statuses[&a].state, RelayState::Open);
    }

    #[test]
    fn closed_is_passed_on_or_tried_again_according_to_its_reason() {
        for (reason, tries, passed_on) in [
            ("restricted: members only", 1, true),
            ("unsupported: filter contains unknown elements", 1, true),
            ("blocked: no", 1, true),
            ("no prefix at all", 1, true),
            ("error: could not connect to the database", 6, true),
            ("rate-limited: slow down there chief", 6, true),
        ] {
            let (mut net, a) = one(Manners {
                refuses: Some(reason.into()),
                ..Manners::default()
            });
            ask(&mut net, &a, "s");
            net.advance(600_000);
            assert_eq!(reqs(&mut net, &a), tries, "{reason}");
            assert_eq!(
                net.words().contains(&format!("CLOSED s {reason}")),
                passed_on,
                "{reason}: {:?}",
                net.words()
            );
        }
    }

    #[test]
    fn a_refusal_that_passes_is_no_end() {
        let (mut net, a) = one(Manners {
            refuses: Some("rate-limited: later".into()),
            ..Manners::default()
        });
        ask(&mut net, &a, "s");
        assert_eq!(
            net.statuses[&a].reason, "it refused a subscription: rate-limited: later",
            "the page is told why it waits"
        );
        net.host(&a).relay.manners.refuses = None;
        net.advance(3_000);
        assert_eq!(net.words(), ["EOSE s"]);
        assert_eq!(net.statuses[&a].reason, "");
    }

    #[test]
    fn a_relays_number_of_subscriptions_is_respected_and_the_rest_wait_their_turn() {
        let (mut net, a) = one(Manners {
            max_subscriptions: 3,
            ..Manners::default()
        });
        net.host(&a).limits = Some("{\"limitation\":{\"max_subscriptions\":3}}".into());
        for id in ["1", "2", "3"] {
            ask(&mut net, &a, id);
        }
        assert_eq!(
            net.host(&a).relay.open_subs(),
            ["1", "2"],
            "one place is for what was missed"
        );
        net.advance(11_000);
        assert!(
            net.words()
                .contains(&"UNREACHABLE 3 the relay takes no more subscriptions for now".into())
        );
        net.send(std::slice::from_ref(&a), ClientFrame::Close { sub: sub("1") });
        assert_eq!(net.host(&a).relay.open_subs(), ["2", "3"]);
        assert_eq!(net.words().last().map(String::as_str), Some("EOSE 3"));
    }

    #[test]
    fn filters_over_a_relays_number_become_several_reqs_and_one_subscription() {
        let (mut net, a) = one(Manners::default());
        net.host(&a).limits = Some("{\"limitation\":{\"max_filters\":1}}".into());
        net.req(std::slice::from_ref(&a), "s", &[kind(1), kind(2), kind(3)]);
        assert_eq!(net.host(&a).relay.open_subs().len(), 3);
        assert_eq!(net.words(), ["EOSE s"]);
        net.publish(&a, unsigned_event(7, 3, 9, ""));
        net.drive();
        assert_eq!(net.ids("s").len(), 4);
        net.send(std::slice::from_ref(&a), ClientFrame::Close { sub: sub("s") });
        assert!(net.host(&a).relay.open_subs().is_empty());
    }

    #[test]
    fn an_event_over_a_relays_message_length_is_not_sent() {
        let (mut net, a) = one(Manners::default());
        net.host(&a).limits = Some("{\"limitation\":{\"max_message_length\":2000}}".into());
        ask(&mut net, &a, "s");
        let event = signed_event(1, 1, 5, &[], &"x".repeat(3_000));
        net.send(std::slice::from_ref(&a), ClientFrame::Event(event));
        assert!(net.words()[1].starts_with("UNSENT the event's "), "{:?}", net.words());
    }

    #[test]
    fn a_count_is_answered_refused_or_reported() {
        let (mut net, a) = one(Manners::default());
        let count = ClientFrame::Count {
            sub: sub("c"),
            filters: vec![kind(1)],
        };
        net.send(std::slice::from_ref(&a), count.clone());
        net.host(&a).stalled = true;
        net.send(std::slice::from_ref(&a), count.clone());
        net.advance(11_000);
        net.host(&a).pipe.clear();
        net.host(&a).stalled = false;
        net.host(&a).door = Door::Refuses;
        net.cut(&a);
        net.send(std::slice::from_ref(&a), count);
        net.advance(2_000);
        let words = net.words();
        assert_eq!(words[..2], ["COUNT c 3", "UNREACHABLE c no answer to COUNT in time"]);
        assert!(words[2].starts_with("UNREACHABLE c not connected"), "{words:?}");
    }

    #[test]
    fn a_count_answered_by_notice_is_reported_with_it_and_a_late_answer_is_no_fault() {
        let (mut net, a) = one(Manners::default());
        ask(&mut net, &a, "s");
        net.host(&a).stalled = true;
        net.send(
            std::slice::from_ref(&a),
            ClientFrame::Count {
                sub: sub("c"),
                filters: vec![kind(1)],
            },
        );
        let answer = std::mem::take(&mut net.host(&a).pipe);
        net.host(&a).stalled = false;
        net.say(&a, "[\"NOTICE\",\"unknown message type\"]");
        net.advance(11_000);
        let words = net.words();
        assert_eq!(
            words.last().unwrap(),
            "UNREACHABLE c no answer to COUNT in time; the relay's last notice: unknown message type"
        );
        net.host(&a).pipe = answer;
        net.say(&a, "[\"CLOSED\",\"c\",\"\"]");
        assert_eq!(net.words(), words);
        assert!(net.core.counters().contains(&("unknown_sub".into(), 0)));
    }

    #[test]
    fn the_crypto_roles_subscriptions_and_events_are_its_own() {
        let (mut net, a) = one(Manners::default());
        let (relays, sub) = (vec![a.clone()], sub("n46:1"));
        let frames = vec![
            ClientFrame::Req {
                sub,
                filters: vec![kind(1)],
            },
            ClientFrame::Event(signed_event(1, 24133, 5, &[], "")),
        ];
        net.input(Input::Crypto(Envelope { relays, frames }));
        let labels: Vec<String> = net
            .crypto
            .iter()
            .map(|m| in_short(m).chars().take(5).collect())
            .collect();
        assert_eq!(labels, ["SENT", "EVENT", "EVENT", "EVENT", "EOSE ", "OK tr"]);
        assert!(net.parser.is_empty());
    }

    #[test]
    fn verified_copies_from_other_relays_are_cut_to_their_id() {
        let mut net = Net::new(Config::default());
        let event = unsigned_event(1, 1, 5, "content");
        let relays: Vec<RelayUrl> = ["a", "b", "c"]
            .map(|name| {
                let mut relay = ScriptedRelay::default();
                relay.store([event.clone()]);
                net.add(name, relay)
            })
            .to_vec();
        net.host(&url("c")).door = Door::Refuses;
        net.req(&relays, "s", &[kind(1)]);
        net.parser_says(ParserToConnections::Verified { ids: vec![event.id] });
        net.host(&url("c")).door = Door::Open;
        net.advance(2_000);
        let events: Vec<String> = net
            .parser
            .iter()
            .map(in_short)
            .filter(|word| word.starts_with("EVENT"))
            .collect();
        assert_eq!(events.len(), 3);
        let short = format!("EVENT s {{\"id\":\"{}\"}}", event.id);
        assert_eq!(
            events.iter().filter(|word| **word == short).count(),
            1,
            "only the one after the verdict"
        );
    }

    #[test]
    fn late_words_of_an_old_socket_are_ignored() {
        let (mut net, a) = one(Manners::default());
        ask(&mut net, &a, "s");
        let old = net.host(&a).socket.unwrap();
        net.cut(&a);
        net.advance(2_000);
        net.parser.clear();
        let text = "[\"NOTICE\",\"old\"]".to_owned();
        net.input(Input::Socket(SocketEvent::Text { socket: old, text }));
        net.input(Input::Socket(SocketEvent::Failed { socket: old }));
        assert!(net.parser.is_empty());
        assert_eq!(net.statuses[&a].state, RelayState::Open);
    }

    #[test]
    fn stop_closes_every_socket_and_reports_what_was_not_sent() {
        let (mut net, a) = one(Manners {
            says_ok: false,
            ..Manners::default()
        });
        publish(&mut net, &a);
        net.input(Input::Page(PageToConnections::Control(Control::Stop)));
        assert!(net.host(&a).socket.is_none());
        assert!(net.out.stopped);
        assert_eq!(net.words(), ["SENT", "UNSENT the engine was stopped"]);
    }

    #[test]
    fn the_page_gets_the_counters_it_asks_for() {
        let (mut net, a) = one(Manners::default());
        ask(&mut net, &a, "s");
        let request = RequestId(4);
        net.input(Input::Page(PageToConnections::Control(Control::Stats { request })));
        assert_eq!(net.out.stats, [request]);
        assert!(net.core.counters().contains(&("events".into(), 3)));
    }
}
