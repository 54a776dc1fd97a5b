//! How a running node tells what it thinks of an address.
//!
//! ```json
//! {"id":1,"type":"score","input":{"address":"192.0.2.7"}}
//! {"id":1,"type":"score","result":{"address":"192.0.2.7","model":"robust","opinion":{"score":0.9,"confidence":0.5,
//!  "network_score":0.6,"computed_at":"2027-01-31T12:00:00Z","reporters":1},"reports":[{"peer":"12D3KooW...",
//!  "peer_ip":"198.51.100.4","score":1,"confidence":0.5,"said_at":"2027-01-31T11:00:00Z","trust":0.6,"weight":1}]}}
//! ```
//!
//! Of the reports the 512 that stand first are told. `opinion` is null where no report counts. `peer_ip` is left out where it is not known, `left_out`
//! stands where a report does not count and says why, `failed` where the model fails on the address.

use std::borrow::Cow;

use super::{Fault, Input, Line, PEER, TEXT, TIME, owned, time, wrong};
use crate::domain::{Author, Confidence, Judgement, Opinion, Score, Subject, Trust, Voice};
use crate::wire::json::{self, Limits, Object, Value};

/// Reports told of at the most; the default model keeps no more of an address.
const MAX_VOICES: usize = 512;
/// The longest answer, in bytes: 512 reports of under 400.
pub const MAX_JUDGEMENT_BYTES: usize = 256 * 1024;

/// Nine values a report.
const LIMITS: Limits = Limits {
    max_bytes: MAX_JUDGEMENT_BYTES,
    max_depth: 5,
    max_values: MAX_VOICES * 9 + 64,
};

const NUMBER: &str = "a number in its range";

/// The question what the node thinks of an address, as a line without its newline.
#[must_use]
pub fn encode_question(id: u64, subject: Subject) -> String {
    let mut line = Line::new(&id.to_string(), "score");
    line.open("input");
    line.text("address", &subject.to_string());
    line.close();
    line.end()
}

/// What the input of a question asks about.
pub(super) fn question(input: &Input<'_>) -> Result<Subject, Fault> {
    let wanted = "an address such as \"192.0.2.7\" or \"2001:db8::7\"";
    input.must("address", wanted, |text| text.parse().ok())
}

/// The answer, without its newline.
#[must_use]
pub fn answer_judgement(id: &str, subject: Subject, judgement: &Judgement) -> String {
    let mut line = Line::new(id, "score");
    line.open("result");
    line.text("address", &subject.to_string());
    line.text("model", &judgement.model);
    match &judgement.opinion {
        None => line.raw("opinion", "null"),
        Some(opinion) => {
            line.open("opinion");
            line.number("score", opinion.score.get());
            line.number("confidence", opinion.confidence.get());
            line.number("network_score", opinion.network_score.get());
            line.time("computed_at", Some(opinion.computed_at));
            line.number("reporters", f64::from(opinion.reporters));
            line.close();
        }
    }
    line.some("failed", judgement.failed.as_deref());
    let voices = &judgement.voices[..judgement.voices.len().min(MAX_VOICES)];
    line.list("reports", voices, |line, voice| {
        line.item();
        line.text("peer", &voice.author.0.to_string());
        let address = voice.address.map(|ip| ip.to_string());
        line.some("peer_ip", address.as_deref());
        line.number("score", voice.score.get());
        line.number("confidence", voice.confidence.get());
        line.time("said_at", Some(voice.said_at));
        line.number("trust", voice.trust);
        line.number("weight", voice.weight);
        line.some("left_out", voice.left_out.as_deref());
        line.close();
    });
    line.close();
    line.end()
}

/// Reads the answer: the judgement, or why there is none.
///
/// # Errors
/// The line is no answer.
pub fn decode_judgement(line: &[u8]) -> Result<Result<Judgement, String>, Fault> {
    let answer = json::parse(line, LIMITS)?;
    super::result(&answer)?.map_or_else(|why| Ok(Err(why)), |result| judgement(result).map(Ok))
}

fn judgement(result: &Object<'_>) -> Result<Judgement, Fault> {
    let input = Input(result);
    let opinion = match result.get("opinion") {
        None | Some(Value::Null) => None,
        Some(Value::Object(object)) => Some(opinion(question(&input)?, &Input(object))?),
        Some(other) => return Err(wrong("opinion", other, "an object or null")),
    };
    let voices = match result.get("reports") {
        Some(Value::Array(voices)) => voices.iter().map(voice).collect::<Result<_, _>>()?,
        Some(other) => return Err(wrong("reports", other, "a list")),
        None => return Err(Fault::Missing("reports")),
    };
    Ok(Judgement {
        model: Cow::from(input.must("model", TEXT, owned)?),
        opinion,
        voices,
        failed: input.may("failed", TEXT, owned)?.map(Cow::from),
    })
}

fn opinion(subject: Subject, input: &Input<'_>) -> Result<Opinion, Fault> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "such a cast saturates, and who answers counts in a u32"
    )]
    let reporters = input.number("reporters", NUMBER, Ok)? as u32;
    Ok(Opinion {
        subject,
        score: input.number("score", NUMBER, Score::new)?,
        confidence: input.number("confidence", NUMBER, Confidence::new)?,
        network_score: input.number("network_score", NUMBER, Trust::new)?,
        computed_at: input.must("computed_at", TIME, time)?,
        reporters,
    })
}

fn voice(value: &Value<'_>) -> Result<Voice, Fault> {
    let Value::Object(object) = value else {
        return Err(wrong("reports", value, "a list of objects"));
    };
    let input = Input(object);
    Ok(Voice {
        author: Author(input.must("peer", PEER, |text| text.parse().ok())?),
        address: input.may("peer_ip", "an IP address", |text| text.parse().ok())?,
        score: input.number("score", NUMBER, Score::new)?,
        confidence: input.number("confidence", NUMBER, Confidence::new)?,
        said_at: input.must("said_at", TIME, time)?,
        trust: input.number("trust", NUMBER, Ok)?,
        weight: input.number("weight", NUMBER, Ok)?,
        left_out: input.may("left_out", TEXT, owned)?.map(Cow::from),
    })
}
