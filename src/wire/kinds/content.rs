//! Texts as blocks, and what events point to.

use flatbuffers::WIPOffset;

use super::{Builder, Many, each, id, key, kind, relay, text, texts};
use crate::nostr::event::{EventId, Pubkey};
use crate::nostr::kind::Kind;
use crate::nostr::nip19::Entity;
use crate::nostr::relay_url::RelayUrl;
use crate::parser::content::imeta::MediaType;
use crate::parser::content::{self, Block, BlockKind, Media, cashu};
use crate::parser::kinds::markdown::{Node, NodeKind};
use crate::parser::kinds::tags::{Address, AddressRef, EventRef, Mention, ProfileRef, Quote, QuoteTarget};
use crate::wire::fb;
use crate::wire::nostr::write_relays;

// ---------------------------------------------------------------- references

pub(super) fn event_ref<'f>(fbb: &mut Builder<'f>, event: &EventRef) -> WIPOffset<fb::EventRef<'f>> {
    let author = key(event.author);
    let args = fb::EventRefArgs {
        id: Some(&fb::Hash(event.id.0)),
        relay: relay(fbb, &event.relay),
        author: author.as_ref(),
    };
    fb::EventRef::create(fbb, &args)
}

pub(super) fn maybe_event<'f>(fbb: &mut Builder<'f>, event: &Option<EventRef>) -> Option<WIPOffset<fb::EventRef<'f>>> {
    event.as_ref().map(|event| event_ref(fbb, event))
}

fn write_address<'f>(fbb: &mut Builder<'f>, address: &Address, at: &Option<RelayUrl>) -> WIPOffset<fb::Address<'f>> {
    let args = fb::AddressArgs {
        kind: address.kind.0,
        pubkey: Some(&fb::Hash(address.pubkey.0)),
        identifier: Some(fbb.create_string(&address.identifier)),
        relay: relay(fbb, at),
    };
    fb::Address::create(fbb, &args)
}

pub(super) fn address<'f>(fbb: &mut Builder<'f>, address: &Address) -> WIPOffset<fb::Address<'f>> {
    write_address(fbb, address, &None)
}

pub(super) fn address_ref<'f>(fbb: &mut Builder<'f>, found: &AddressRef) -> WIPOffset<fb::Address<'f>> {
    write_address(fbb, &found.address, &found.relay)
}

pub(super) fn maybe_address<'f>(fbb: &mut Builder<'f>, found: &Option<Address>) -> Option<WIPOffset<fb::Address<'f>>> {
    found.as_ref().map(|found| address(fbb, found))
}

pub(super) fn profile_ref<'f>(fbb: &mut Builder<'f>, person: &ProfileRef) -> WIPOffset<fb::ProfileRef<'f>> {
    let args = fb::ProfileRefArgs {
        pubkey: Some(&fb::Hash(person.pubkey.0)),
        relay: relay(fbb, &person.relay),
    };
    fb::ProfileRef::create(fbb, &args)
}

pub(super) fn mention<'f>(fbb: &mut Builder<'f>, mention: &Mention) -> WIPOffset<fb::Mention<'f>> {
    let args = fb::MentionArgs {
        pubkey: Some(&fb::Hash(mention.pubkey.0)),
        relays: write_relays(fbb, &mention.relays),
    };
    fb::Mention::create(fbb, &args)
}

pub(super) fn quote<'f>(fbb: &mut Builder<'f>, quote: &Quote) -> WIPOffset<fb::Quote<'f>> {
    let (event, cited) = match &quote.target {
        QuoteTarget::Event(event) => (Some(*event), None),
        QuoteTarget::Address(cited) => (None, Some(cited)),
    };
    let id = id(event);
    let author = key(quote.author);
    let args = fb::QuoteArgs {
        id: id.as_ref(),
        address: cited.map(|cited| address(fbb, cited)),
        relays: write_relays(fbb, &quote.relays),
        author: author.as_ref(),
    };
    fb::Quote::create(fbb, &args)
}

/// What an entity is made of, in the order of `fb::Entity`.
type EntityParts<'a> = (
    fb::EntityType,
    Option<Pubkey>,
    Option<EventId>,
    Option<Kind>,
    Option<&'a str>,
    &'a [String],
);

fn entity<'f>(fbb: &mut Builder<'f>, entity: &Entity) -> WIPOffset<fb::Entity<'f>> {
    use fb::EntityType as Type;
    let parts: EntityParts<'_> = match entity {
        Entity::Npub(pubkey) => (Type::Npub, Some(*pubkey), None, None, None, &[]),
        Entity::Note(event) => (Type::Note, None, Some(*event), None, None, &[]),
        Entity::Nprofile(profile) => (Type::Nprofile, Some(profile.pubkey), None, None, None, &profile.relays),
        Entity::Nevent(event) => (
            Type::Nevent,
            event.author,
            Some(event.id),
            event.kind,
            None,
            &event.relays,
        ),
        Entity::Naddr(naddr) => (
            Type::Naddr,
            Some(naddr.pubkey),
            None,
            Some(naddr.kind),
            Some(&naddr.identifier),
            &naddr.relays,
        ),
    };
    let (type_, pubkey, event, event_kind, identifier, relays) = parts;
    let pubkey = key(pubkey);
    let id = id(event);
    let args = fb::EntityArgs {
        type_,
        pubkey: pubkey.as_ref(),
        id: id.as_ref(),
        kind: kind(event_kind),
        identifier: identifier.map(|identifier| fbb.create_string(identifier)),
        relays: texts(fbb, relays),
    };
    fb::Entity::create(fbb, &args)
}

// ---------------------------------------------------------------- texts

pub(super) fn media<'f>(fbb: &mut Builder<'f>, media: &Media) -> WIPOffset<fb::Media<'f>> {
    let args = fb::MediaArgs {
        url: Some(fbb.create_string(&media.url)),
        type_: match media.media_type {
            None => fb::MediaType::Unknown,
            Some(MediaType::Image) => fb::MediaType::Image,
            Some(MediaType::Video) => fb::MediaType::Video,
            Some(MediaType::Audio) => fb::MediaType::Audio,
        },
        mime: text(fbb, &media.mime),
        width: media.width,
        height: media.height,
        blurhash: text(fbb, &media.blurhash),
        thumbhash: text(fbb, &media.thumbhash),
        alt: text(fbb, &media.alt),
        sha256: text(fbb, &media.sha256),
        size: media.size,
        duration: media.duration,
        bitrate: media.bitrate,
        previews: texts(fbb, &media.previews),
        fallbacks: texts(fbb, &media.fallbacks),
    };
    fb::Media::create(fbb, &args)
}

fn cashu<'f>(fbb: &mut Builder<'f>, token: &cashu::Token) -> WIPOffset<fb::CashuToken<'f>> {
    let args = fb::CashuTokenArgs {
        token: Some(fbb.create_string(&token.token)),
        mint: Some(fbb.create_string(&token.mint)),
        amount: token.amount,
        unit: text(fbb, &token.unit),
        memo: text(fbb, &token.memo),
    };
    fb::CashuToken::create(fbb, &args)
}

/// `source` as the blocks of `content`, which were made from it.
pub(super) fn content<'f>(
    fbb: &mut Builder<'f>,
    source: &str,
    content: &content::Content,
) -> WIPOffset<fb::Content<'f>> {
    let shortened = content.shortened.as_ref();
    let args = fb::ContentArgs {
        blocks: Some(blocks(fbb, source, &content.blocks)),
        shortened: shortened.map(|shortened| blocks(fbb, source, shortened)),
    };
    fb::Content::create(fbb, &args)
}

fn blocks<'f>(fbb: &mut Builder<'f>, source: &str, blocks: &[Block]) -> Many<'f, fb::Block<'f>> {
    let offsets: Vec<_> = blocks
        .iter()
        .map(|piece| block(fbb, &piece.kind, piece.source(source)))
        .collect();
    fbb.create_vector(&offsets)
}

fn block<'f>(fbb: &mut Builder<'f>, kind: &BlockKind, source: &str) -> WIPOffset<fb::Block<'f>> {
    use fb::BlockKind as Kind;
    let mut args = fb::BlockArgs::default();
    let mut shown = source;
    match kind {
        BlockKind::Text => args.kind = Kind::Text,
        BlockKind::Code(code) => {
            args.kind = Kind::Code;
            args.code = Some(fbb.create_string(&code.code));
            args.fenced = code.fenced;
            args.language = text(fbb, &code.language);
        }
        BlockKind::Link { url } => {
            args.kind = Kind::Link;
            args.url = Some(fbb.create_string(url));
        }
        BlockKind::Media(item) => {
            args.kind = Kind::Media;
            args.media = each(fbb, std::slice::from_ref(&**item), media);
        }
        BlockKind::MediaGrid { items } => {
            args.kind = Kind::MediaGrid;
            args.media = each(fbb, items, media);
        }
        BlockKind::Hashtag { tag } => {
            args.kind = Kind::Hashtag;
            args.tag = Some(fbb.create_string(tag));
        }
        BlockKind::Nostr(found) => {
            args.kind = Kind::Nostr;
            args.entity = Some(entity(fbb, found));
        }
        BlockKind::Secret => {
            args.kind = Kind::Secret;
            shown = content::SECRET_MASK;
        }
        BlockKind::Emoji { shortcode, url } => {
            args.kind = Kind::Emoji;
            args.shortcode = Some(fbb.create_string(shortcode));
            args.url = Some(fbb.create_string(url));
        }
        BlockKind::Cashu(token) => {
            args.kind = Kind::Cashu;
            args.cashu = Some(cashu(fbb, token));
        }
        BlockKind::Invoice {
            invoice: _,
            amount_msat,
        } => {
            args.kind = Kind::Invoice;
            args.amount_msat = *amount_msat;
        }
        BlockKind::Relay { url } => {
            args.kind = Kind::Relay;
            args.url = Some(fbb.create_string(url));
        }
    }
    args.text = Some(fbb.create_string(shown));
    fb::Block::create(fbb, &args)
}

pub(super) fn node<'f>(fbb: &mut Builder<'f>, node: &Node) -> WIPOffset<fb::ArticleNode<'f>> {
    use fb::NodeKind as Kind;
    let mut args = fb::ArticleNodeArgs::default();
    args.depth = node.depth;
    args.kind = match &node.kind {
        NodeKind::Paragraph => Kind::Paragraph,
        NodeKind::Heading { level } => {
            args.level = Some(*level);
            Kind::Heading
        }
        NodeKind::Quote => Kind::Quote,
        NodeKind::List { start } => {
            args.start = *start;
            Kind::List
        }
        NodeKind::Item { checked } => {
            args.checked = *checked;
            Kind::Item
        }
        NodeKind::Code { language, code } => {
            args.language = text(fbb, language);
            args.code = Some(fbb.create_string(code));
            Kind::Code
        }
        NodeKind::Rule => Kind::Rule,
        NodeKind::Table => Kind::Table,
        NodeKind::TableHead => Kind::TableHead,
        NodeKind::TableRow => Kind::TableRow,
        NodeKind::TableCell => Kind::TableCell,
        NodeKind::Emphasis => Kind::Emphasis,
        NodeKind::Strong => Kind::Strong,
        NodeKind::Strikethrough => Kind::Strikethrough,
        NodeKind::InlineCode { code } => {
            args.code = Some(fbb.create_string(code));
            Kind::InlineCode
        }
        NodeKind::Link {
            url,
            title,
            entity: found,
        } => {
            args.url = Some(fbb.create_string(url));
            args.title = text(fbb, title);
            args.entity = found.as_ref().map(|found| entity(fbb, found));
            Kind::Link
        }
        NodeKind::Image { url, title } => {
            args.url = Some(fbb.create_string(url));
            args.title = text(fbb, title);
            Kind::Image
        }
        NodeKind::SoftBreak => Kind::SoftBreak,
        NodeKind::LineBreak => Kind::LineBreak,
        NodeKind::Content { kind, text } => {
            args.block = Some(block(fbb, kind, text));
            Kind::Content
        }
    };
    fb::ArticleNode::create(fbb, &args)
}
