//! Zaps, nutzaps and wallets.

use flatbuffers::{UnionWIPOffset, WIPOffset};

use super::references::{event_ref, maybe_address, maybe_event};
use super::{Builder, each, ids, key, kind, state, text, texts, time};
use crate::parser::content::cashu::Proof;
use crate::parser::kinds::{
    Direction, Mint, Nutzap, NutzapInfo, Private, Wallet, WalletHistory, WalletQuote, WalletToken, Zap, ZapRequest,
};
use crate::wire::fb;
use crate::wire::nostr::write_relays;

type Union = WIPOffset<UnionWIPOffset>;

fn proof<'f>(fbb: &mut Builder<'f>, proof: &Proof) -> WIPOffset<fb::Proof<'f>> {
    let dleq = proof.dleq.as_ref().map(|dleq| {
        let args = fb::DleqArgs {
            e: Some(fbb.create_string(&dleq.e)),
            s: Some(fbb.create_string(&dleq.s)),
            r: text(fbb, &dleq.r),
        };
        fb::Dleq::create(fbb, &args)
    });
    let args = fb::ProofArgs {
        amount: proof.amount,
        id: Some(fbb.create_string(&proof.id)),
        secret: Some(fbb.create_string(&proof.secret)),
        c: Some(fbb.create_string(&proof.c)),
        dleq,
        witness: text(fbb, &proof.witness),
    };
    fb::Proof::create(fbb, &args)
}

pub(super) fn wallet_quote(fbb: &mut Builder<'_>, quote: &WalletQuote) -> Union {
    let args = fb::WalletQuoteArgs {
        state: state(&quote.quote),
        quote: quote.quote.open().map(|quote| fbb.create_string(quote)),
        mint: text(fbb, &quote.mint),
        expires_at: time(quote.expires_at),
    };
    fb::WalletQuote::create(fbb, &args).as_union_value()
}

pub(super) fn wallet_token(fbb: &mut Builder<'_>, token: &Private<WalletToken>) -> Union {
    let mut args = fb::WalletTokenArgs {
        state: state(token),
        ..Default::default()
    };
    if let Some(token) = token.open() {
        args.mint = Some(fbb.create_string(&token.mint));
        args.unit = Some(fbb.create_string(&token.unit));
        args.proofs = each(fbb, &token.proofs, proof);
        args.amount = Some(token.amount);
        args.deleted = ids(fbb, &token.deleted);
    }
    fb::WalletToken::create(fbb, &args).as_union_value()
}

pub(super) fn wallet_history(fbb: &mut Builder<'_>, history: &WalletHistory) -> Union {
    let mut args = fb::WalletHistoryArgs {
        redeemed: each(fbb, &history.redeemed, event_ref),
        state: state(&history.entry),
        ..Default::default()
    };
    if let Some(entry) = history.entry.open() {
        args.direction = match entry.direction {
            None => fb::Direction::Unknown,
            Some(Direction::In) => fb::Direction::In,
            Some(Direction::Out) => fb::Direction::Out,
        };
        args.amount = entry.amount;
        args.unit = Some(fbb.create_string(&entry.unit));
        args.created = each(fbb, &entry.created, event_ref);
        args.destroyed = each(fbb, &entry.destroyed, event_ref);
    }
    fb::WalletHistory::create(fbb, &args).as_union_value()
}

pub(super) fn wallet(fbb: &mut Builder<'_>, wallet: &Private<Wallet>) -> Union {
    let open = wallet.open();
    let args = fb::WalletArgs {
        state: state(wallet),
        mints: open.and_then(|wallet| texts(fbb, &wallet.mints)),
        key: open.and_then(|wallet| Some(fbb.create_string(&wallet.key.as_ref()?.0))),
    };
    fb::Wallet::create(fbb, &args).as_union_value()
}

pub(super) fn nutzap(fbb: &mut Builder<'_>, nutzap: &Nutzap) -> Union {
    let opens = nutzap.lock.as_ref().and_then(|lock| lock.opens.as_ref());
    let args = fb::NutzapArgs {
        proofs: each(fbb, &nutzap.proofs, proof),
        amount: nutzap.amount,
        unit: Some(fbb.create_string(&nutzap.unit)),
        mint: Some(fbb.create_string(&nutzap.mint)),
        recipient: Some(&fb::Hash(nutzap.recipient.0)),
        event: maybe_event(fbb, &nutzap.event),
        kind: kind(nutzap.kind),
        comment: text(fbb, &nutzap.comment),
        p2pk: nutzap.lock.as_ref().map(|lock| fbb.create_string(&lock.key)),
        p2pk_locktime: opens.map(|opens| opens.at.0),
        p2pk_refund: opens.and_then(|opens| texts(fbb, &opens.refund)),
    };
    fb::Nutzap::create(fbb, &args).as_union_value()
}

pub(super) fn nutzap_info(fbb: &mut Builder<'_>, info: &NutzapInfo) -> Union {
    let args = fb::NutzapInfoArgs {
        mints: each(fbb, &info.mints, mint),
        relays: write_relays(fbb, &info.relays),
        pubkey: text(fbb, &info.pubkey),
    };
    fb::NutzapInfo::create(fbb, &args).as_union_value()
}

fn mint<'f>(fbb: &mut Builder<'f>, mint: &Mint) -> WIPOffset<fb::Mint<'f>> {
    let args = fb::MintArgs {
        url: Some(fbb.create_string(&mint.url)),
        units: texts(fbb, &mint.units),
    };
    fb::Mint::create(fbb, &args)
}

pub(super) fn zap_request(fbb: &mut Builder<'_>, zap: &ZapRequest) -> Union {
    let recipient = key(zap.recipient);
    let args = fb::ZapRequestArgs {
        amount_msat: zap.amount_msat,
        recipient: recipient.as_ref(),
        event: maybe_event(fbb, &zap.event),
        address: maybe_address(fbb, &zap.address),
        kind: kind(zap.kind),
        comment: text(fbb, &zap.comment),
        relays: write_relays(fbb, &zap.relays),
        lnurl: text(fbb, &zap.lnurl),
        valid: zap.valid,
    };
    fb::ZapRequest::create(fbb, &args).as_union_value()
}

pub(super) fn zap(fbb: &mut Builder<'_>, zap: &Zap) -> Union {
    let sender = key(zap.sender);
    let recipient = key(zap.recipient);
    let args = fb::ZapArgs {
        amount_msat: zap.amount_msat,
        sender: sender.as_ref(),
        recipient: recipient.as_ref(),
        event: maybe_event(fbb, &zap.event),
        address: maybe_address(fbb, &zap.address),
        kind: kind(zap.kind),
        comment: text(fbb, &zap.comment),
        preimage: text(fbb, &zap.preimage),
        bolt11: text(fbb, &zap.bolt11),
        description_hash_matches: zap.description_hash_matches,
        valid: zap.valid,
        needs_provider_check: zap.needs_provider_check,
    };
    fb::Zap::create(fbb, &args).as_union_value()
}
