//! What people write for everybody.

use flatbuffers::{UnionWIPOffset, WIPOffset};

use super::content::{content, media, node};
use super::references::{address, address_ref, event_ref, maybe_address, maybe_event, mention, profile_ref, quote};
use super::{Builder, Text, each, id, ids, key, kind, relay, text, texts, time};
use crate::parser::kinds::{
    Article, Comment, Deletion, External, ExternalReaction, MediaPost, Note, Poll, PollOption, PollResponse, PollType,
    Reaction, ReactionType, Repost, Scope,
};
use crate::wire::fb;
use crate::wire::nostr::{write_event, write_relays};

type Union = WIPOffset<UnionWIPOffset>;

pub(super) fn note(fbb: &mut Builder<'_>, source: &str, note: &Note) -> Union {
    let args = fb::NoteArgs {
        content: Some(content(fbb, source, &note.content)),
        reply: maybe_event(fbb, &note.reply),
        root: maybe_event(fbb, &note.root),
        mentions: each(fbb, &note.mentions, event_ref),
        quotes: each(fbb, &note.quotes, quote),
        profiles: each(fbb, &note.profiles, mention),
        recipients: each(fbb, &note.recipients, profile_ref),
    };
    fb::Note::create(fbb, &args).as_union_value()
}

pub(super) fn deletion(fbb: &mut Builder<'_>, deletion: &Deletion) -> Union {
    let kinds: Vec<u16> = deletion.kinds.iter().map(|kind| kind.0).collect();
    let args = fb::DeletionArgs {
        ids: ids(fbb, &deletion.ids),
        addresses: each(fbb, &deletion.addresses, address),
        kinds: Some(fbb.create_vector(&kinds)),
        reason: text(fbb, &deletion.reason),
    };
    fb::Deletion::create(fbb, &args).as_union_value()
}

pub(super) fn repost(fbb: &mut Builder<'_>, repost: &Repost) -> Union {
    let id = id(repost.id);
    let author = key(repost.author);
    let args = fb::RepostArgs {
        id: id.as_ref(),
        kind: kind(repost.kind),
        author: author.as_ref(),
        relay: relay(fbb, &repost.relay),
        address: maybe_address(fbb, &repost.address),
        embedded: repost.embedded.as_ref().map(|event| write_event(fbb, event)),
    };
    fb::Repost::create(fbb, &args).as_union_value()
}

/// The type, and the shortcode and address of a custom emoji.
fn reaction_type<'f>(
    fbb: &mut Builder<'f>,
    reaction: &ReactionType,
) -> (fb::ReactionType, Option<Text<'f>>, Option<Text<'f>>) {
    match reaction {
        ReactionType::Like => (fb::ReactionType::Like, None, None),
        ReactionType::Dislike => (fb::ReactionType::Dislike, None, None),
        ReactionType::Emoji => (fb::ReactionType::Emoji, None, None),
        ReactionType::Custom { shortcode, url } => (
            fb::ReactionType::Custom,
            Some(fbb.create_string(shortcode)),
            Some(fbb.create_string(url)),
        ),
    }
}

pub(super) fn reaction(fbb: &mut Builder<'_>, reaction: &Reaction) -> Union {
    let (reaction_type, shortcode, url) = reaction_type(fbb, &reaction.reaction);
    let author = key(reaction.author);
    let args = fb::ReactionArgs {
        reaction: reaction_type,
        content: Some(fbb.create_string(&reaction.content)),
        shortcode,
        url,
        event: maybe_event(fbb, &reaction.event),
        author: author.as_ref(),
        kind: kind(reaction.kind),
        address: maybe_address(fbb, &reaction.address),
    };
    fb::Reaction::create(fbb, &args).as_union_value()
}

pub(super) fn external_reaction(fbb: &mut Builder<'_>, reaction: &ExternalReaction) -> Union {
    let (reaction_type, shortcode, emoji_url) = reaction_type(fbb, &reaction.reaction);
    let args = fb::ExternalReactionArgs {
        reaction: reaction_type,
        content: Some(fbb.create_string(&reaction.content)),
        shortcode,
        emoji_url,
        url: text(fbb, &reaction.url),
        targets: each(fbb, &reaction.targets, external),
    };
    fb::ExternalReaction::create(fbb, &args).as_union_value()
}

fn external<'f>(fbb: &mut Builder<'f>, external: &External) -> WIPOffset<fb::External<'f>> {
    let args = fb::ExternalArgs {
        id: Some(fbb.create_string(&external.id)),
        kind: text(fbb, &external.kind),
        hint: text(fbb, &external.hint),
    };
    fb::External::create(fbb, &args)
}

pub(super) fn media_post(fbb: &mut Builder<'_>, source: &str, post: &MediaPost) -> Union {
    let args = fb::MediaPostArgs {
        title: text(fbb, &post.title),
        media: each(fbb, &post.media, media),
        content_warning: text(fbb, &post.content_warning),
        published_at: time(post.published_at),
        topics: texts(fbb, &post.topics),
        content: Some(content(fbb, source, &post.content)),
        quotes: each(fbb, &post.quotes, quote),
        profiles: each(fbb, &post.profiles, mention),
    };
    fb::MediaPost::create(fbb, &args).as_union_value()
}

pub(super) fn poll_response(fbb: &mut Builder<'_>, response: &PollResponse) -> Union {
    let args = fb::PollResponseArgs {
        poll: Some(event_ref(fbb, &response.poll)),
        choices: texts(fbb, &response.choices),
    };
    fb::PollResponse::create(fbb, &args).as_union_value()
}

pub(super) fn poll(fbb: &mut Builder<'_>, source: &str, poll: &Poll) -> Union {
    let args = fb::PollArgs {
        label: Some(content(fbb, source, &poll.label)),
        options: each(fbb, &poll.options, poll_option),
        poll_type: match poll.poll_type {
            None => fb::PollType::Unknown,
            Some(PollType::SingleChoice) => fb::PollType::SingleChoice,
            Some(PollType::MultipleChoice) => fb::PollType::MultipleChoice,
        },
        relays: write_relays(fbb, &poll.relays),
        ends_at: time(poll.ends_at),
    };
    fb::Poll::create(fbb, &args).as_union_value()
}

fn poll_option<'f>(fbb: &mut Builder<'f>, option: &PollOption) -> WIPOffset<fb::PollOption<'f>> {
    let args = fb::PollOptionArgs {
        id: Some(fbb.create_string(&option.id)),
        label: Some(fbb.create_string(&option.label)),
    };
    fb::PollOption::create(fbb, &args)
}

pub(super) fn comment(fbb: &mut Builder<'_>, source: &str, comment: &Comment) -> Union {
    let args = fb::CommentArgs {
        content: Some(content(fbb, source, &comment.content)),
        root: Some(scope(fbb, &comment.root)),
        parent: comment.parent.as_ref().map(|parent| scope(fbb, parent)),
        quotes: each(fbb, &comment.quotes, quote),
        profiles: each(fbb, &comment.profiles, mention),
    };
    fb::Comment::create(fbb, &args).as_union_value()
}

fn scope<'f>(fbb: &mut Builder<'f>, scope: &Scope) -> WIPOffset<fb::Scope<'f>> {
    let args = fb::ScopeArgs {
        event: maybe_event(fbb, &scope.event),
        address: scope.address.as_ref().map(|address| address_ref(fbb, address)),
        external: text(fbb, &scope.external),
        hint: text(fbb, &scope.hint),
        kind: text(fbb, &scope.kind),
        author: scope.author.as_ref().map(|author| profile_ref(fbb, author)),
    };
    fb::Scope::create(fbb, &args)
}

pub(super) fn article(fbb: &mut Builder<'_>, article: &Article) -> Union {
    let args = fb::ArticleArgs {
        draft: article.draft,
        identifier: Some(fbb.create_string(&article.identifier)),
        title: text(fbb, &article.title),
        summary: text(fbb, &article.summary),
        image: text(fbb, &article.image),
        topics: texts(fbb, &article.topics),
        published_at: time(article.published_at),
        address: Some(address(fbb, &article.address)),
        body: each(fbb, &article.body, node),
        quotes: each(fbb, &article.quotes, quote),
        profiles: each(fbb, &article.profiles, mention),
    };
    fb::Article::create(fbb, &args).as_union_value()
}
