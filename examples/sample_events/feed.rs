//! Lets the people of `people.rs` publish, answer, react and repost, in the order of time.

use std::collections::HashSet;
use std::error::Error;

use bech32::{Bech32, Hrp};
use nostr_ferry::nostr::event::{Pubkey, RawEvent, Signature, Tag, UnsignedEvent};
use nostr_ferry::nostr::kind::Kind;
use nostr_ferry::time::UnixSeconds;
use secp256k1::{Keypair, SecretKey};
use sha2::{Digest, Sha256};

use crate::Options;
use crate::people::{ARTICLES, PEOPLE};
use crate::random::Random;
use crate::texts::{ANSWERS, ASIDES, MENTIONS, Person, QUOTES, REACTIONS, REPLIES, SLOTS, TOPICS, Topic};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const REPOST: Kind = Kind(6);
const REACTION: Kind = Kind(7);
const ARTICLE: Kind = Kind(30_023);
const DAY: u64 = 86_400;
/// An answer or a reaction goes to one of this many newest notes: old threads fall silent.
const FRESH: usize = 40;

struct Author {
    keypair: Keypair,
    pubkey: Pubkey,
    person: &'static Person,
    relay: String,
}

/// A published note, for later ones to refer to.
struct Note {
    event: RawEvent,
    topic: &'static Topic,
    /// The note that opened the thread, as an index; `None` if this one did.
    root: Option<usize>,
}

struct Feed {
    random: Random,
    authors: Vec<Author>,
    notes: Vec<Note>,
    articles: usize,
    said: HashSet<String>,
    out: Vec<RawEvent>,
}

/// The events, oldest first.
pub fn events(options: &Options) -> Result<Vec<RawEvent>> {
    let mut feed = Feed {
        random: Random::new(options.seed),
        authors: authors(options)?,
        notes: Vec::new(),
        articles: 0,
        said: HashSet::new(),
        out: Vec::new(),
    };
    let start = options.base.saturating_sub(options.days * DAY);
    feed.introduce(start.saturating_sub(DAY))?;
    for at in feed.times(start, options) {
        let by = feed.random.below(feed.authors.len());
        match feed.random.below(100) {
            0..38 => feed.note(by, at)?,
            38..62 => feed.reply(by, at)?,
            62..90 => feed.react(by, at)?,
            90..96 => feed.repost(by, at)?,
            96..99 => feed.quote(by, at)?,
            _ => feed.article(by, at)?,
        }
    }
    feed.out.truncate(options.count);
    Ok(feed.out)
}

fn authors(options: &Options) -> Result<Vec<Author>> {
    // Three events introduce each author; a small sample has few of them, so that they also say something.
    let count = (options.count / 6).clamp(1, PEOPLE.len());
    let mut authors = Vec::new();
    for (at, person) in PEOPLE.iter().take(count).enumerate() {
        let secret = Sha256::digest(format!("sample author {} {at}", options.seed));
        let keypair = Keypair::from_secret_key(&SecretKey::from_secret_bytes(secret.into())?);
        authors.push(Author {
            keypair,
            pubkey: Pubkey(keypair.x_only_public_key().0.to_byte_array()),
            person,
            relay: options
                .relays
                .get(at % options.relays.len())
                .cloned()
                .unwrap_or_default(),
        });
    }
    Ok(authors)
}

impl Feed {
    /// Profiles (kind 0), relay lists (NIP-65) and follow lists (NIP-02).
    fn introduce(&mut self, at: u64) -> Result<()> {
        for by in 0..self.authors.len() {
            let Some(author) = self.authors.get(by) else { break };
            let person = author.person;
            let profile =
                serde_json::json!({ "name": person.handle, "display_name": person.name, "about": person.about });
            let relays = vec![tag(["r", &author.relay])];
            let follows = self.follows(by);
            self.publish(by, at, Kind::METADATA, Vec::new(), profile.to_string())?;
            self.publish(by, at + 60, Kind::RELAY_LIST, relays, String::new())?;
            self.publish(by, at + 120, Kind::CONTACTS, follows, String::new())?;
        }
        Ok(())
    }

    /// Everybody who shares the author's main topic, and some others.
    fn follows(&mut self, by: usize) -> Vec<Tag> {
        let topic = self.authors.get(by).map(|author| author.person.topic);
        let mut tags = Vec::new();
        for (at, other) in self.authors.iter().enumerate() {
            let near = Some(other.person.topic) == topic || self.random.chance(25);
            if at != by && near {
                tags.push(tag(["p", &other.pubkey.to_string(), &other.relay, other.person.handle]));
            }
        }
        tags
    }

    /// When the rest of the events happen: evenly over the days, but seldom at night.
    fn times(&mut self, start: u64, options: &Options) -> Vec<u64> {
        let wanted = options.count.saturating_sub(self.out.len());
        let mut times = Vec::with_capacity(wanted);
        while times.len() < wanted {
            let at = start + self.random.next() % (options.days * DAY).max(1);
            let night = (at % DAY) / 3_600 < 6;
            if !night || self.random.chance(12) {
                times.push(at);
            }
        }
        times.sort_unstable();
        times
    }

    /// Something about the author's own topic, or now and then another.
    fn note(&mut self, by: usize, at: u64) -> Result<()> {
        let home = self.authors.get(by).and_then(|author| TOPICS.get(author.person.topic));
        let topic = if self.random.chance(75) {
            home
        } else {
            self.random.pick(TOPICS)
        };
        let Some(topic) = topic else { return Ok(()) };
        let mut tags = Vec::new();
        let mut text = self.fresh_text(topic);
        if self.random.chance(14)
            && let Some((mention, p)) = self.mention(by)
        {
            let line = self.random.word(MENTIONS);
            text = self.fill(line).replace("{who}", &mention);
            tags.push(p);
        }
        if self.random.chance(12) {
            text = format!("{text}\n\n{}", topic.link);
        }
        if self.random.chance(40) {
            text = format!("{text} {}", self.random.word(topic.emoji));
        }
        if self.random.chance(45) {
            let hashtag = self.random.word(topic.hashtags);
            text = format!("{text} #{hashtag}");
            tags.push(tag(["t", hashtag]));
        }
        self.publish_note(by, at, topic, None, tags, text)
    }

    /// An answer in a thread (NIP-10, marked tags). The one who was answered answers back often.
    fn reply(&mut self, by: usize, at: u64) -> Result<()> {
        let Some(parent_at) = self.fresh_note() else {
            return self.note(by, at);
        };
        let Some(parent) = self.notes.get(parent_at) else {
            return Ok(());
        };
        let topic = parent.topic;
        let root_at = parent.root.unwrap_or(parent_at);
        let Some(root) = self.notes.get(root_at) else {
            return Ok(());
        };

        let mut tags = vec![self.reference("e", &root.event, Some("root"))];
        if root_at != parent_at {
            tags.push(self.reference("e", &parent.event, Some("reply")));
        }
        let mut people: Vec<String> = parent.event.tags_named("p").filter_map(|p| p.get(1).cloned()).collect();
        people.push(parent.event.pubkey.to_string());
        let by = self.answerer(by, &parent.event.pubkey, &root.event.pubkey);
        let own = self.authors.get(by).map(|author| author.pubkey.to_string());
        people.retain(|pubkey| Some(pubkey) != own.as_ref());
        people.sort_unstable();
        people.dedup();
        tags.extend(people.iter().map(|pubkey| tag(["p", pubkey])));

        let words = match (root_at == parent_at, self.random.chance(60)) {
            (false, _) => ANSWERS,
            (true, true) => topic.replies,
            (true, false) => REPLIES,
        };
        let mut text = self.random.word(words).to_owned();
        if self.random.chance(35) {
            let aside = self.random.word(ASIDES);
            text = format!("{text} {}", self.fill(aside));
        }
        self.publish_note(by, at, topic, Some(root_at), tags, text)
    }

    /// Who answers a note of `parent` in a thread of `root`: nobody answers himself, and the one who began answers the others.
    fn answerer(&self, by: usize, parent: &Pubkey, root: &Pubkey) -> usize {
        if parent != root {
            return self
                .authors
                .iter()
                .position(|author| author.pubkey == *root)
                .unwrap_or(by);
        }
        let own = self.authors.get(by).is_some_and(|author| author.pubkey == *parent);
        (by + usize::from(own)).checked_rem(self.authors.len()).unwrap_or(by)
    }

    /// A reaction (NIP-25).
    fn react(&mut self, by: usize, at: u64) -> Result<()> {
        let Some(note) = self.fresh_note().and_then(|at| self.notes.get(at)) else {
            return self.note(by, at);
        };
        let tags = vec![
            self.reference("e", &note.event, None),
            tag(["p", &note.event.pubkey.to_string()]),
            tag(["k", "1"]),
        ];
        let content = self.random.word(REACTIONS).to_owned();
        self.publish(by, at, REACTION, tags, content).map(drop)
    }

    /// A repost (NIP-18), with the note inside.
    fn repost(&mut self, by: usize, at: u64) -> Result<()> {
        let Some(note) = self.fresh_note().and_then(|at| self.notes.get(at)) else {
            return self.note(by, at);
        };
        let tags = vec![
            self.reference("e", &note.event, None),
            tag(["p", &note.event.pubkey.to_string()]),
        ];
        let content = serde_json::to_string(&note.event)?;
        self.publish(by, at, REPOST, tags, content).map(drop)
    }

    /// A note that quotes another (NIP-18, NIP-27).
    fn quote(&mut self, by: usize, at: u64) -> Result<()> {
        let Some(note) = self.fresh_note().and_then(|at| self.notes.get(at)) else {
            return self.note(by, at);
        };
        let (topic, quoted) = (note.topic, &note.event);
        let relay = self.relay_of(&quoted.pubkey);
        let nevent = bech32_of(
            "nevent",
            &[(0, &quoted.id.0), (1, relay.as_bytes()), (2, &quoted.pubkey.0)],
        )?;
        let tags = vec![
            tag(["q", &quoted.id.to_string(), relay, &quoted.pubkey.to_string()]),
            tag(["p", &quoted.pubkey.to_string()]),
        ];
        let text = format!("{}\n\nnostr:{nevent}", self.random.word(QUOTES));
        self.publish_note(by, at, topic, None, tags, text)
    }

    /// The next article (NIP-23), by somebody who cares for its topic; a note once all are out.
    fn article(&mut self, by: usize, at: u64) -> Result<()> {
        let Some(article) = ARTICLES.get(self.articles) else {
            return self.note(by, at);
        };
        self.articles += 1;
        let by = self
            .authors
            .iter()
            .position(|author| author.person.topic == article.topic)
            .unwrap_or(by);
        let mut tags = vec![
            tag(["d", article.slug]),
            tag(["title", article.title]),
            tag(["summary", article.summary]),
            tag(["published_at", &at.to_string()]),
        ];
        let hashtags = TOPICS
            .get(article.topic)
            .map(|topic| topic.hashtags)
            .unwrap_or_default();
        tags.extend(hashtags.iter().map(|hashtag| tag(["t", hashtag])));
        self.publish(by, at, ARTICLE, tags, article.body.to_owned()).map(drop)
    }

    fn publish_note(
        &mut self,
        by: usize,
        at: u64,
        topic: &'static Topic,
        root: Option<usize>,
        tags: Vec<Tag>,
        text: String,
    ) -> Result<()> {
        let event = self.publish(by, at, Kind::TEXT_NOTE, tags, text)?;
        self.notes.push(Note { event, topic, root });
        Ok(())
    }

    fn publish(&mut self, by: usize, at: u64, kind: Kind, tags: Vec<Tag>, content: String) -> Result<RawEvent> {
        let author = self.authors.get(by).ok_or("no such author")?;
        let unsigned = UnsignedEvent {
            pubkey: author.pubkey,
            created_at: UnixSeconds(at),
            kind,
            tags,
            content,
        };
        // Without auxiliary randomness, so that the same arguments give the same signatures.
        let sig = secp256k1::schnorr::sign_no_aux_rand(&unsigned.id().0, &author.keypair);
        let event = unsigned.with_signature(Signature(sig.to_byte_array()));
        self.out.push(event.clone());
        Ok(event)
    }

    /// One of the newest notes, as an index. Notes that open a thread are preferred.
    fn fresh_note(&mut self) -> Option<usize> {
        let last = self.notes.len().checked_sub(1)?;
        let pick = last - self.random.below(FRESH.min(self.notes.len()));
        let root = self.notes.get(pick)?.root;
        Some(if self.random.chance(45) {
            root.unwrap_or(pick)
        } else {
            pick
        })
    }

    /// Two sentences on `topic`, the same pair never twice unless all have been said.
    fn fresh_text(&mut self, topic: &Topic) -> String {
        let mut text = String::new();
        for _ in 0..20 {
            let opening = self.random.word(topic.openings);
            text = self.fill(opening);
            if self.random.chance(70) {
                text = format!("{text} {}", self.random.word(topic.endings));
            }
            if self.said.insert(text.clone()) {
                break;
            }
        }
        text
    }

    /// `nostr:` mention of somebody else, and the tag that tells them (NIP-27).
    fn mention(&mut self, by: usize) -> Option<(String, Tag)> {
        let at = self.random.below(self.authors.len());
        let other = self.authors.get(at).filter(|_| at != by)?;
        let code = if self.random.chance(50) {
            bech32::encode::<Bech32>(Hrp::parse("npub").ok()?, &other.pubkey.0).ok()?
        } else {
            bech32_of("nprofile", &[(0, &other.pubkey.0), (1, other.relay.as_bytes())]).ok()?
        };
        Some((format!("nostr:{code}"), tag(["p", &other.pubkey.to_string()])))
    }

    fn reference(&self, name: &str, event: &RawEvent, marker: Option<&str>) -> Tag {
        let relay = self.relay_of(&event.pubkey);
        let (id, pubkey) = (event.id.to_string(), event.pubkey.to_string());
        match marker {
            Some(marker) => tag([name, &id, relay, marker, &pubkey]),
            None => tag([name, &id, relay, &pubkey]),
        }
    }

    fn relay_of(&self, pubkey: &Pubkey) -> &str {
        let author = self.authors.iter().find(|author| author.pubkey == *pubkey);
        author.map(|author| author.relay.as_str()).unwrap_or_default()
    }

    /// Puts a word for each `{slot}` and begins with a capital.
    fn fill(&mut self, text: &str) -> String {
        let mut text = text.to_owned();
        for (slot, words) in SLOTS {
            while text.contains(slot) {
                text = text.replacen(slot, self.random.word(words), 1);
            }
        }
        let mut chars = text.chars();
        let first = chars.next().map(|first| first.to_uppercase().to_string());
        first.unwrap_or_default() + chars.as_str()
    }
}

fn tag<const N: usize>(values: [&str; N]) -> Tag {
    values.map(str::to_owned).to_vec()
}

/// A NIP-19 code of type-length-value entries.
fn bech32_of(prefix: &str, entries: &[(u8, &[u8])]) -> Result<String> {
    let mut bytes = Vec::new();
    for (kind, value) in entries {
        bytes.extend([*kind, u8::try_from(value.len())?]);
        bytes.extend_from_slice(value);
    }
    let hrp = Hrp::parse(prefix).map_err(|error| error.to_string())?;
    Ok(bech32::encode::<Bech32>(hrp, &bytes).map_err(|error| error.to_string())?)
}
