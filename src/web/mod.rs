//! The browser's edge: the only part of the crate that touches it.
//!
//! `start_worker` is the module's export, with `start_verifier` for the crypto role's own workers. Every worker loads the same module,
//! calls it with its role and its ports, and becomes that role until it is stopped.

#[cfg(feature = "browser-bench")]
mod bench;
mod clock;
mod entropy;
mod http;
mod options;
mod page;
mod port;
mod ring;
mod socket;
mod storage;
#[cfg(feature = "browser-suite")]
mod suite;
mod verifier;

use futures_channel::mpsc::{self, UnboundedReceiver};
use js_sys::Reflect;
use thiserror::Error;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;
use web_sys::{MessagePort, WorkerGlobalScope};

use self::clock::BrowserClock;
use self::options::Options;
use self::storage::IndexedDb;
use crate::role::{CONTROL, Role};
use crate::router::{Port, PortConfig};
use crate::wire::Wire;
use crate::{cache, connections, crypto, parser};

/// Names the sources this module was built from; page, worker script and module must agree.
const BUILD: &str = match option_env!("FERRY_BUILD") {
    Some(build) => build,
    None => "unnamed",
};

/// Why a worker cannot start. The page shows the message.
#[derive(Debug, Error)]
pub enum StartError {
    #[error("there is no role `{0}`; roles are connections, cache, parser and crypto")]
    UnknownRole(String),
    #[error("the {role} worker was given no port `{port}`")]
    MissingPort { role: Role, port: &'static str },
    #[error("the page was built as {page} and the .wasm as {module}: load both from the same release")]
    OtherBuild { page: String, module: &'static str },
    #[error("the options do not fit: {0}")]
    Options(String),
}

/// Makes this worker the `role`, with the MessagePorts of `role.rs`' table in `ports`.
///
/// `ports` also has `build` (the page's build name) and `options` (JSON).
///
/// # Errors
/// A sentence for the page: an unknown role, a missing port, another build, bad options.
#[wasm_bindgen]
pub fn start_worker(role: &str, ports: JsValue) -> Result<(), JsError> {
    console_error_panic_hook::set_once();
    start(role, &ports).map_err(|error| JsError::new(&error.to_string()))
}

/// Makes this worker a verifier, which the crypto role started and speaks to.
#[wasm_bindgen]
pub fn start_verifier() {
    console_error_panic_hook::set_once();
    verifier::start();
}

fn start(role: &str, ports: &JsValue) -> Result<(), StartError> {
    let role = Role::from_name(role).ok_or_else(|| StartError::UnknownRole(role.to_owned()))?;
    let page = text(ports, "build").unwrap_or_default();
    if page != BUILD {
        return Err(StartError::OtherBuild { page, module: BUILD });
    }
    let options = text(ports, "options").unwrap_or_else(|| "{}".to_owned());
    let options: Options = serde_json::from_str(&options).map_err(|error| StartError::Options(error.to_string()))?;
    let start = Start { role, ports, options };
    match role {
        Role::Connections => start.connections(),
        Role::Cache => start.cache(),
        Role::Parser => start.parser(),
        Role::Crypto => start.crypto(),
    }
}

/// The control port, the outlets that the page attaches on it, and the peers that it replaces.
type Control<In, Out, NewPeer> = (Port<In, Out>, UnboundedReceiver<JsValue>, UnboundedReceiver<NewPeer>);

struct Start<'a> {
    role: Role,
    ports: &'a JsValue,
    options: Options,
}

impl Start<'_> {
    fn connections(&self) -> Result<(), StartError> {
        let config = self.port_config();
        let (control, attached, peers) = self.control(move |peer, port, _| match peer {
            Role::Cache => Some(connections::NewPeer::Cache(port::open("cacheToConn", port, config))),
            Role::Parser => Some(connections::NewPeer::Parser(port::open("connToParser", port, config))),
            Role::Crypto => Some(connections::NewPeer::Crypto(port::open("cryptoToConn", port, config))),
            Role::Connections => None,
        })?;
        let ports = connections::Ports {
            page: control,
            cache: self.port("cacheToConn")?,
            parser: self.port("connToParser")?,
            crypto: self.port("cryptoToConn")?,
            peers,
        };
        let status = page::StatusOutlet::new(attached, self.port_config());
        spawn_local(connections::run(
            ports,
            socket::WebSockets::new(),
            status,
            BrowserClock::new(),
            self.options.connections(),
        ));
        Ok(())
    }

    fn cache(&self) -> Result<(), StartError> {
        let config = self.port_config();
        let (control, _, peers) = self.control(move |peer, port, _| match peer {
            Role::Parser => Some(cache::NewPeer::Parser(port::open("parserToCache", port, config))),
            Role::Connections => Some(cache::NewPeer::Connections(port::open("cacheToConn", port, config))),
            Role::Cache | Role::Crypto => None,
        })?;
        let ports = cache::Ports {
            page: control,
            parser: self.port("parserToCache")?,
            connections: self.port("cacheToConn")?,
            peers,
        };
        let config = self.options.cache()?;
        let database = self.options.database();
        spawn_local(async move {
            let storage = match database {
                Some(name) => IndexedDb::open(&name).await,
                None => IndexedDb::none(),
            };
            cache::run(ports, storage, BrowserClock::new(), config).await;
        });
        Ok(())
    }

    fn parser(&self) -> Result<(), StartError> {
        let config = self.port_config();
        let (control, attached, peers) = self.control(move |peer, port, object| match peer {
            Role::Crypto => Some(parser::NewPeer::Crypto {
                port: port::open("parserToCrypto", port, config),
                ask_again: get(object, "askAgain").is_some_and(|value| value.is_truthy()),
            }),
            Role::Cache => Some(parser::NewPeer::Cache(port::open("parserToCache", port, config))),
            Role::Connections => Some(parser::NewPeer::Connections(port::open("connToParser", port, config))),
            Role::Parser => None,
        })?;
        let ports = parser::Ports {
            page: control,
            crypto: self.port("parserToCrypto")?,
            cache: self.port("parserToCache")?,
            connections: self.port("connToParser")?,
            peers,
        };
        let outlets = page::Outlets::new(attached, self.port_config());
        spawn_local(parser::run(
            ports,
            outlets,
            http::Fetches::new(),
            BrowserClock::new(),
            self.options.parser(),
        ));
        Ok(())
    }

    fn crypto(&self) -> Result<(), StartError> {
        let config = self.port_config();
        let (control, _, peers) = self.control(move |peer, port, _| match peer {
            Role::Parser => Some(crypto::NewPeer::Parser(port::open("parserToCrypto", port, config))),
            Role::Connections => Some(crypto::NewPeer::Connections(port::open("cryptoToConn", port, config))),
            Role::Cache | Role::Crypto => None,
        })?;
        let ports = crypto::Ports {
            control,
            page: self.port("cryptoToMain")?,
            parser: self.port("parserToCrypto")?,
            connections: self.port("cryptoToConn")?,
            peers,
        };
        let verifier = verifier::VerifierPool::new(self.options.verifiers.unwrap_or_else(default_verifiers));
        spawn_local(crypto::run(
            ports,
            verifier,
            entropy::Browser,
            BrowserClock::new(),
            self.options.crypto(),
        ));
        Ok(())
    }

    /// Opens the control port. A peer is replaced by `{ peer, port }`; every other object is an outlet.
    fn control<In: Wire, Out: Wire, NewPeer: 'static>(
        &self,
        open: impl Fn(Role, MessagePort, &JsValue) -> Option<NewPeer> + 'static,
    ) -> Result<Control<In, Out, NewPeer>, StartError> {
        let (attach, attached) = mpsc::unbounded();
        let (replace, peers) = mpsc::unbounded();
        let on_object = move |object: JsValue| {
            let Some(peer) = text(&object, "peer") else {
                // A role that has ended reads no more; nor does it below.
                return drop(attach.unbounded_send(object));
            };
            let port = get(&object, "port").and_then(|port| port.dyn_into::<MessagePort>().ok());
            let new = Role::from_name(&peer).zip(port);
            if let Some(new) = new.and_then(|(peer, port)| open(peer, port, &object)) {
                drop(replace.unbounded_send(new));
            }
        };
        let port = port::open_control(CONTROL, self.message_port(CONTROL)?, self.port_config(), on_object);
        Ok((port, attached, peers))
    }

    fn port<In: Wire, Out: Wire>(&self, name: &'static str) -> Result<Port<In, Out>, StartError> {
        Ok(port::open(name, self.message_port(name)?, self.port_config()))
    }

    fn message_port(&self, name: &'static str) -> Result<MessagePort, StartError> {
        Reflect::get(self.ports, &name.into())
            .ok()
            .and_then(|value| value.dyn_into::<MessagePort>().ok())
            .ok_or(StartError::MissingPort {
                role: self.role,
                port: name,
            })
    }

    fn port_config(&self) -> PortConfig {
        let config = self.options.port();
        if !self.options.warn {
            return config;
        }
        PortConfig {
            on_first_malformed: |port, error| {
                let what = format!(
                    "nostr-ferry: a record on {port} is no message and was skipped ({error}); further ones are only counted"
                );
                web_sys::console::warn_1(&what.into());
            },
            ..config
        }
    }
}

/// A core for the page and one for the engine's other workers are left alone; more than four verifiers
/// outrun the one parser.
fn default_verifiers() -> usize {
    let scope = js_sys::global().unchecked_into::<WorkerGlobalScope>();
    let cores = scope.navigator().hardware_concurrency() as usize;
    cores.saturating_sub(2).min(4)
}

fn get(object: &JsValue, name: &str) -> Option<JsValue> {
    Reflect::get(object, &name.into()).ok()
}

fn text(object: &JsValue, name: &str) -> Option<String> {
    get(object, name)?.as_string()
}
