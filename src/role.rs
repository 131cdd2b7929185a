//! The four roles and the channels between them, as data. Nothing else knows the topology.
//!
//! `js/channels.ts` holds the same table for the page, which makes the channels;
//! a test below reads that file and fails when the two differ.

use std::fmt;

/// What a worker is. Every worker runs the same module and becomes one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Holds the sockets to relays.
    Connections,
    /// Holds the event store and chooses relays.
    Cache,
    /// Holds subscriptions, publishes and their pipelines.
    Parser,
    /// Holds keys and checks signatures.
    Crypto,
}

/// One end of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Page,
    Worker(Role),
}

/// One MessageChannel: its name and who holds its two ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Channel {
    pub name: &'static str,
    pub port1: End,
    pub port2: End,
}

/// The six channels, each of which carries both ways.
pub const CHANNELS: [Channel; 6] = [
    channel("cacheToConn", End::Worker(Role::Cache), End::Worker(Role::Connections)),
    channel("parserToCache", End::Worker(Role::Parser), End::Worker(Role::Cache)),
    channel(
        "connToParser",
        End::Worker(Role::Connections),
        End::Worker(Role::Parser),
    ),
    channel("parserToCrypto", End::Worker(Role::Parser), End::Worker(Role::Crypto)),
    channel(
        "cryptoToConn",
        End::Worker(Role::Crypto),
        End::Worker(Role::Connections),
    ),
    channel("cryptoToMain", End::Worker(Role::Crypto), End::Page),
];

/// The name of the port every worker shares with the page, besides its channels.
pub const CONTROL: &str = "control";

const fn channel(name: &'static str, port1: End, port2: End) -> Channel {
    Channel { name, port1, port2 }
}

impl Role {
    /// All four.
    pub const ALL: [Role; 4] = [Role::Connections, Role::Cache, Role::Parser, Role::Crypto];

    /// The role called `name`, as the page spells it.
    pub fn from_name(name: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.name() == name)
    }

    /// The role's name as the page spells it; `from_name` is its inverse.
    pub fn name(self) -> &'static str {
        match self {
            Role::Connections => "connections",
            Role::Cache => "cache",
            Role::Parser => "parser",
            Role::Crypto => "crypto",
        }
    }

    /// The ports this role must be given, the control port last.
    pub fn port_names(self) -> impl Iterator<Item = &'static str> {
        let end = End::Worker(self);
        CHANNELS
            .into_iter()
            .filter(move |channel| channel.port1 == end || channel.port2 == end)
            .map(|channel| channel.name)
            .chain([CONTROL])
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_role_is_found_by_its_name() {
        for role in Role::ALL {
            assert_eq!(Role::from_name(role.name()), Some(role));
        }
        assert_eq!(Role::from_name("page"), None);
    }

    #[test]
    fn each_role_holds_the_ports_of_the_table() {
        let names = |role: Role| role.port_names().collect::<Vec<_>>();
        assert_eq!(
            names(Role::Connections),
            ["cacheToConn", "connToParser", "cryptoToConn", "control"]
        );
        assert_eq!(names(Role::Cache), ["cacheToConn", "parserToCache", "control"]);
        assert_eq!(
            names(Role::Parser),
            ["parserToCache", "connToParser", "parserToCrypto", "control"]
        );
        assert_eq!(
            names(Role::Crypto),
            ["parserToCrypto", "cryptoToConn", "cryptoToMain", "control"]
        );
    }

    /// The page's copy of the table is one line a channel: `name: ["port1", "port2"],`.
    #[test]
    fn the_page_makes_the_same_channels() {
        let source = include_str!("../js/channels.ts");
        let page: Vec<&str> = source
            .lines()
            .filter(|line| line.contains(": ['"))
            .map(str::trim)
            .collect();
        let end = |end: End| match end {
            End::Page => "page",
            End::Worker(role) => role.name(),
        };
        let ours: Vec<String> = CHANNELS
            .iter()
            .map(|c| format!("{}: ['{}', '{}'],", c.name, end(c.port1), end(c.port2)))
            .collect();
        assert_eq!(page, ours);
    }
}
