//! Texts and Markdown as blocks, with their media.

use flatbuffers::WIPOffset;

use super::references::entity;
use super::{Builder, Many, each, text, texts};
use crate::parser::content::imeta::MediaType;
use crate::parser::content::{self, Block, BlockKind, Media, cashu};
use crate::parser::kinds::markdown::{Node, NodeKind};
use crate::wire::fb;

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
