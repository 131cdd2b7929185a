//! Private messages (NIP-17): where their people read them, and one gift wrap for each.
//!
//! The copies are publishes of their own inside; the page hears of them as of one, with each copy's recipient.

use super::publishing::{COPIES, Draft, PersonsCopy};
use super::{Outbox, Parser, Signing, Waiter};
use crate::message::{CachePolicy, ParserToCache, PublishId, SignerError, SignerOp, SubId};
use crate::nostr::event::{Event, Pubkey, RawEvent, UnsignedEvent};
use crate::nostr::filter::Filter;
use crate::nostr::nip17::{self, DM_RELAYS};
use crate::parser::publish::Publish;
use crate::time::UnixSeconds;

impl Parser {
    /// Asks the store where the message's people read private messages.
    pub(super) fn find_people(
        &mut self,
        publish: PublishId,
        mut draft: Draft,
        me: Pubkey,
        out: &mut Outbox,
    ) -> Result<(), SignerError> {
        let event = UnsignedEvent {
            pubkey: me,
            created_at: draft.template.created_at.unwrap_or(UnixSeconds(0)),
            kind: draft.template.kind,
            tags: draft.template.tags.clone(),
            content: draft.template.content.clone(),
        };
        let prepared = nip17::prepare(event).map_err(|error| SignerError::BadInput(error.to_string()))?;
        let authors: Vec<Pubkey> = prepared.recipients.iter().map(|person| person.pubkey).collect();
        draft.people = authors.iter().map(|person| (*person, Vec::new())).collect();
        let name = format!("publish:{}", publish.0);
        let sub = SubId::new(&name).ok_or_else(|| SignerError::BadInput("the publish has no name".into()))?;
        out.cache.push(dm_relays_lookup(sub.clone(), authors));
        self.inquiries.insert(sub, publish);
        self.drafts.insert(publish, draft);
        Ok(())
    }

    /// A new cache is asked what the one before had not answered.
    pub(super) fn find_people_again(&self, out: &mut Outbox) {
        for (sub, publish) in &self.inquiries {
            if let Some(draft) = self.drafts.get(publish) {
                let authors = draft.people.keys().copied().collect();
                out.cache.push(dm_relays_lookup(sub.clone(), authors));
            }
        }
    }

    /// One of the lists that were asked for.
    pub(super) fn on_dm_relays(&mut self, publish: PublishId, list: &Event) {
        let draft = self.drafts.get_mut(&publish);
        if let Some(relays) = draft.and_then(|draft| draft.people.get_mut(&list.pubkey)) {
            *relays = nip17::dm_relays(list);
        }
    }

    /// The store has no more lists.
    pub(super) fn on_people_found(&mut self, sub: &SubId, publish: PublishId, out: &mut Outbox) {
        self.inquiries.remove(sub);
        out.cache.push(ParserToCache::Close {
            sub: sub.clone(),
            asked: Vec::new(),
        });
        let (Some(draft), Some(state)) = (self.drafts.get_mut(&publish), self.publishes.get(&publish)) else {
            return;
        };
        let mut unknown = Vec::new();
        for (person, relays) in draft.people.iter_mut().filter(|(_, relays)| relays.is_empty()) {
            relays.clone_from(&state.relays);
            if relays.is_empty() {
                unknown.push(person.to_string());
            }
        }
        if !unknown.is_empty() {
            let error = SignerError::BadInput(format!(
                "it is not known where {} read private messages: fetch their kind 10050 lists first, or name relays",
                unknown.join(", ")
            ));
            return self.fail(publish, error, out);
        }
        let wrap = SignerOp::Wrap(draft.template.clone());
        self.ask(Signing::Draft(publish), wrap, out);
    }

    pub(super) fn send_copies(
        &mut self,
        publish: PublishId,
        draft: Draft,
        wraps: Vec<RawEvent>,
    ) -> Result<(), SignerError> {
        let mut copies = Vec::new();
        for wrap in wraps {
            let recipient = wrap.tags_named("p").find_map(|tag| Pubkey::from_hex(tag.get(1)?));
            let to = recipient.and_then(|recipient| Some((recipient, draft.people.get(&recipient)?.clone())));
            let event = wrap.hash().map_err(|error| SignerError::Refused(error.to_string()))?;
            let (recipient, relays) = to.ok_or_else(|| SignerError::Refused("a wrap is for nobody".into()))?;
            copies.push((recipient, relays, event));
        }
        if copies.len() != draft.people.len() {
            return Err(SignerError::Refused("somebody's wrap is missing".into()));
        }
        for (recipient, relays, event) in copies {
            self.last_copy += 1;
            let copy = PublishId(COPIES + self.last_copy);
            self.copies.insert(copy, PersonsCopy { of: publish, recipient });
            self.publishes.insert(copy, Publish::new(relays));
            self.verify.submit(event, None, Waiter::Own(Signing::Publish(copy)));
        }
        Ok(())
    }
}

/// Asks the store alone where `authors` read private messages (NIP-17).
fn dm_relays_lookup(sub: SubId, authors: Vec<Pubkey>) -> ParserToCache {
    let filter = Filter {
        kinds: Some(vec![DM_RELAYS]),
        authors: Some(authors),
        ..Filter::default()
    };
    ParserToCache::Lookup {
        sub,
        filters: vec![filter],
        relays: Vec::new(),
        policy: CachePolicy::CacheOnly,
        max_relays: None,
        asked: Vec::new(),
    }
}
