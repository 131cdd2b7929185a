//! What people write to some.

use flatbuffers::{UnionWIPOffset, WIPOffset};

use super::content::content;
use super::references::{maybe_event, profile_ref};
use super::{Builder, each, id, state, text, texts};
use crate::nostr::nip59::Rumor;
use crate::parser::kinds::{DirectMessage, EncryptedFile, GiftWrap, Message, MessageBody, Seal, Unsealed};
use crate::wire::fb;
use crate::wire::nostr::write_tags;

type Union = WIPOffset<UnionWIPOffset>;

pub(super) fn direct_message(fbb: &mut Builder<'_>, message: &DirectMessage) -> Union {
    let open = message.message.open();
    let reply = id(message.reply);
    let args = fb::DirectMessageArgs {
        recipient: Some(&fb::Hash(message.recipient.0)),
        chat_id: Some(fbb.create_string(&message.chat_id)),
        reply: reply.as_ref(),
        state: state(&message.message),
        text: open.map(|plain| fbb.create_string(&plain.text)),
        content: open.map(|plain| content(fbb, &plain.text, &plain.content)),
        ciphertext: text(fbb, &message.ciphertext),
    };
    fb::DirectMessage::create(fbb, &args).as_union_value()
}

pub(super) fn seal(fbb: &mut Builder<'_>, seal: &Seal) -> Union {
    let (rumor, message) = unsealed(fbb, seal.rumor.open().map(Box::as_ref));
    let args = fb::SealArgs {
        state: state(&seal.rumor),
        rumor,
        message,
    };
    fb::Seal::create(fbb, &args).as_union_value()
}

type Opened<'f> = (
    Option<WIPOffset<fb::Rumor<'f>>>,
    Option<WIPOffset<fb::PrivateMessage<'f>>>,
);

fn unsealed<'f>(fbb: &mut Builder<'f>, unsealed: Option<&Unsealed>) -> Opened<'f> {
    let Some(unsealed) = unsealed else {
        return (None, None);
    };
    let message = unsealed.message.as_ref();
    (
        Some(rumor(fbb, &unsealed.rumor)),
        message.map(|read| self::message(fbb, &unsealed.rumor.content, read)),
    )
}

fn rumor<'f>(fbb: &mut Builder<'f>, rumor: &Rumor) -> WIPOffset<fb::Rumor<'f>> {
    let args = fb::RumorArgs {
        id: Some(&fb::Hash(rumor.id().0)),
        pubkey: Some(&fb::Hash(rumor.pubkey.0)),
        created_at: rumor.created_at.0,
        kind: rumor.kind.0,
        tags: write_tags(fbb, &rumor.tags),
        content: Some(fbb.create_string(&rumor.content)),
    };
    fb::Rumor::create(fbb, &args)
}

fn message<'f>(fbb: &mut Builder<'f>, source: &str, message: &Message) -> WIPOffset<fb::PrivateMessage<'f>> {
    let (blocks, attached) = match &message.body {
        MessageBody::Text(blocks) => (Some(content(fbb, source, blocks)), None),
        MessageBody::File(attached) => (None, Some(file(fbb, attached))),
    };
    let args = fb::PrivateMessageArgs {
        recipients: each(fbb, &message.recipients, profile_ref),
        chat_id: Some(fbb.create_string(&message.chat_id)),
        subject: text(fbb, &message.subject),
        reply: maybe_event(fbb, &message.reply),
        content: blocks,
        file: attached,
    };
    fb::PrivateMessage::create(fbb, &args)
}

fn file<'f>(fbb: &mut Builder<'f>, file: &EncryptedFile) -> WIPOffset<fb::EncryptedFile<'f>> {
    let args = fb::EncryptedFileArgs {
        url: Some(fbb.create_string(&file.url)),
        mime: text(fbb, &file.mime),
        algorithm: text(fbb, &file.algorithm),
        key: text(fbb, &file.key),
        nonce: text(fbb, &file.nonce),
        sha256: text(fbb, &file.sha256),
        original_sha256: text(fbb, &file.original_sha256),
        size: file.size,
        width: file.width,
        height: file.height,
        blurhash: text(fbb, &file.blurhash),
        thumbhash: text(fbb, &file.thumbhash),
        thumb: text(fbb, &file.thumb),
        fallbacks: texts(fbb, &file.fallbacks),
    };
    fb::EncryptedFile::create(fbb, &args)
}

pub(super) fn gift_wrap(fbb: &mut Builder<'_>, wrap: &GiftWrap) -> Union {
    let (rumor, message) = unsealed(fbb, wrap.content.open().map(Box::as_ref));
    let args = fb::GiftWrapArgs {
        recipient: wrap.recipient.as_ref().map(|person| profile_ref(fbb, person)),
        state: state(&wrap.content),
        rumor,
        message,
    };
    fb::GiftWrap::create(fbb, &args).as_union_value()
}
