//! Why a peer is trusted as it is.

use super::draw::bar;
use crate::{
    cli::{
        context::{Context, Database},
        exit::Exit,
        judging,
        output::{Cell, Column, Format, Tone, column, detail},
        peers,
    },
    config::Anchor,
    domain::{Subject, Timestamp},
    reputation::{Account, ModelKind, TrustModel as _, guards::Guard},
    store::PeerRecord,
};

/// The columns of the explanation, for programs.
const EXPLAINED: &[Column] = &[
    detail("peer"),
    detail("alias"),
    detail("model"),
    detail("as_of"),
    detail("trust"),
    detail("ip"),
    detail("first_seen"),
    detail("reports"),
    detail("reliability"),
    detail("good_conduct"),
    detail("bad_conduct"),
    detail("last_conduct"),
    detail("anchor_trust"),
    detail("anchor_comment"),
    detail("anchor_expires"),
    detail("ban_until"),
    detail("ban_reason"),
    detail("guard"),
    detail("guard_reason"),
    detail("forked_at"),
    detail("parts"),
    detail("copies"),
];

const NUMBER: &[Column] = &[column("name", "WHAT"), column("value", "VALUE")];
const COPY: &[Column] = &[column("peer", "COPIES"), column("degree", "HOW SURELY")];

/// Everything there is to say of a peer.
struct Told {
    record: PeerRecord,
    account: Option<Account>,
    kind: ModelKind,
    anchor: Option<Anchor>,
    alias: Option<String>,
    guard: Option<Guard>,
    forked_at: Option<Timestamp>,
    now: Timestamp,
}

pub(super) async fn explain(
    wanted: &str,
    model: Option<ModelKind>,
    context: &mut Context<'_>,
) -> anyhow::Result<Exit> {
    let database = context.database().await?;
    let told = Told::of(wanted, model, &database).await?;
    if context.format() == Format::Human {
        told.for_people(context)?;
    } else {
        context.record(EXPLAINED, told.cells())?;
    }
    Ok(Exit::Ok)
}

impl Told {
    async fn of(
        wanted: &str,
        model: Option<ModelKind>,
        database: &Database,
    ) -> anyhow::Result<Self> {
        let record = peers::find(wanted, &database.reader).await?;
        let kind = model.unwrap_or(database.config.reputation.model);
        let now = Timestamp::now();
        let guard = match record.ip {
            Some(ip) => judging::guard(database, Subject::from_ip(ip), now).await?,
            None => None,
        };
        let peer = record.peer;
        let accounts =
            judging::ask_of_everything(database, kind, now, |engine, at| engine.account(peer, at));
        let holds = |it: &&Anchor| it.peer == peer && it.expires.is_none_or(|end| now < end);
        let book = database.reader.address_book().await?;
        let contact = book.get(peer);
        // Trust by command stands above that of the configuration.
        let given = contact.and_then(|contact| {
            let given = contact.anchor.as_ref()?;
            Some(Anchor {
                peer,
                trust: given.trust,
                comment: given.organisation.clone(),
                expires: given.until,
            })
        });
        let given = given.filter(|it| holds(&it));
        let configured = || database.config.anchors.iter().find(holds).cloned();
        Ok(Self {
            account: accounts.await?,
            anchor: given.or_else(configured),
            forked_at: book.forked(peer),
            alias: contact.and_then(|contact| contact.alias.clone()),
            record,
            kind,
            guard,
            now,
        })
    }

    fn cells(&self) -> Vec<Cell> {
        let (record, anchor) = (&self.record, self.anchor.as_ref());
        let judged = Some(record).filter(|it| it.conduct_at > Timestamp::ZERO);
        let ban = record.ban.as_ref().filter(|ban| ban.until > self.now);
        let account = self.account.as_ref();
        let parts = account.map_or(&[][..], |it| &it.parts);
        let copies = account.map_or(&[][..], |it| &it.copies);
        vec![
            record.peer.into(),
            self.alias.clone().into(),
            self.kind.word().into(),
            self.now.into(),
            account.map(|it| it.trust).into(),
            record.ip.map(|ip| ip.to_string()).into(),
            record.first_seen.into(),
            Cell::count(record.reports),
            judged.map(|it| it.reliability.get()).into(),
            judged.map(|it| it.good).into(),
            judged.map(|it| it.bad).into(),
            record.last_conduct.map(|it| it.word()).into(),
            anchor.map(|it| it.trust.get()).into(),
            anchor.and_then(|it| it.comment.clone()).into(),
            anchor.and_then(|it| it.expires).into(),
            ban.map(|it| it.until).into(),
            ban.map(|it| it.reason.clone()).into(),
            self.guard.as_ref().map(|it| it.word()).into(),
            self.guard.as_ref().map(ToString::to_string).into(),
            self.forked_at.into(),
            Cell::Rows(
                NUMBER,
                parts
                    .iter()
                    .map(|(name, value)| vec![(*name).into(), (*value).into()])
                    .collect(),
            ),
            Cell::Rows(
                COPY,
                copies
                    .iter()
                    .map(|(peer, degree)| vec![(*peer).into(), (*degree).into()])
                    .collect(),
            ),
        ]
    }

    fn for_people(&self, context: &mut Context<'_>) -> anyhow::Result<()> {
        let peer = match &self.alias {
            Some(alias) => format!("{alias} ({})", self.record.peer),
            None => self.record.peer.to_string(),
        };
        let model = self.kind.word();
        let Some(account) = &self.account else {
            let line =
                format!("{peer}: {model} knows nothing of it; it has reported nothing that counts");
            context.line(Tone::Plain, &line)?;
            return self.say_forked(context);
        };
        let drawn = if context.draws() {
            bar(account.trust)
        } else {
            String::new()
        };
        let line = format!("{peer}: trust {:.3} by {model}  {drawn}", account.trust);
        let tone = if account.trust < 0.5 {
            Tone::Warn
        } else {
            Tone::Plain
        };
        context.line(tone, line.trim_end())?;
        self.say_forked(context)?;
        for line in self.remarks() {
            context.line(Tone::Plain, &line)?;
        }
        if !account.parts.is_empty() {
            context.line(Tone::Plain, "")?;
            let mut printer = context.printer(NUMBER)?;
            for (name, value) in &account.parts {
                printer.row(vec![(*name).into(), (*value).into()])?;
            }
            printer.end()?;
        }
        if !account.copies.is_empty() {
            context.line(Tone::Plain, "")?;
            let mut printer = context.printer(COPY)?;
            for (other, degree) in &account.copies {
                printer.row(vec![(*other).into(), (*degree).into()])?;
            }
            printer.end()?;
        }
        Ok(())
    }

    fn say_forked(&self, context: &mut Context<'_>) -> anyhow::Result<()> {
        match self.forked_at {
            Some(at) => context.line(
                Tone::Bad,
                &format!("without weight since {at}: {}", peers::FORKED),
            ),
            None => Ok(()),
        }
    }

    fn remarks(&self) -> Vec<String> {
        let record = &self.record;
        let place = record
            .ip
            .map_or("at no known address".into(), |ip| format!("at {ip}"));
        let mut lines = vec![format!(
            "{place}, first seen {}, {} reports kept",
            record.first_seen, record.reports
        )];
        if let Some(anchor) = &self.anchor {
            let until = anchor
                .expires
                .map(|end| format!(" until {end}"))
                .unwrap_or_default();
            let why = anchor.comment.as_ref().map(|it| format!(" ({it})"));
            let trust = anchor.trust.get();
            let void = self.forked_at.map(|_| ", which counts no more");
            lines.push(format!(
                "trusted by the operator{until}: {trust}{}{}",
                why.unwrap_or_default(),
                void.unwrap_or_default()
            ));
        }
        if record.conduct_at > Timestamp::ZERO {
            lines.push(format!(
                "its conduct on the wire is worth {:.3} (good {:.2}, bad {:.2})",
                record.reliability.get(),
                record.good,
                record.bad
            ));
        }
        if let Some(ban) = record.ban.as_ref().filter(|ban| ban.until > self.now) {
            lines.push(format!("cut off {}: {}", ban.end(), ban.reason));
        }
        if let Some(guard) = &self.guard {
            lines.push(format!("its address is guarded: {guard}"));
        }
        lines
    }
}
