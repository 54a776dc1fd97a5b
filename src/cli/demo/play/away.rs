//! One sensor is away for a while: what was said meanwhile comes out of the signed log of who said it.

use std::time::Instant;

use super::{Play, STEP, config};
use crate::cli::demo::{
    checks::arrived,
    stage::Stage,
    story::{self, Who},
};

impl Play {
    /// C loses its power, A goes on talking, C comes back and knows nobody but B. Adds to `due` what
    /// was to arrive at B.
    pub(super) async fn away(
        &mut self,
        stage: &mut Stage,
        due: &mut Vec<(String, String)>,
    ) -> anyhow::Result<()> {
        stage.kill_node(Who::C.name())?;
        self.say("C loses its power (kill -9); A goes on talking, which C cannot hear");
        let missed = story::missed();
        self.all(&missed, due).await?;
        let b = self.slips(Who::B)?.multiaddress(STEP).await?;
        let room = stage.room(Who::C.name())?;
        let started = Instant::now();
        stage.node(
            Who::C.name(),
            &config(Who::C, &room, self.ports[&Who::C], &[b]),
        )?;
        self.say("C is back; of all nodes it calls only B");
        let a = self.ids[&Who::A].clone();
        let said: Vec<_> = missed
            .into_iter()
            .filter_map(|saying| saying.arrives)
            .collect();
        let slips = self.slips(Who::C)?;
        for message in &said {
            slips.wait_for_data(&a, message, 1, STEP).await?;
        }
        let taken = started.elapsed().as_millis();
        slips.catch_up();
        let came = arrived(&slips.heard);
        let times = |message: &String| came.iter().filter(|(_, it)| it == message).count();
        let wrong = said.iter().find(|message| times(message) != 1);
        let wrong = wrong.map(|message| format!("{message} came {} times", times(message)));
        let many = said.len();
        self.say(&format!(
            "C has caught up {taken} ms after its start: {many} reports signed by A, handed over by B"
        ));
        self.checks.add(
            format!("C, back, hears the {many} reports it missed, once each and as A's, to whom it has no connection"),
            wrong,
        );
        Ok(())
    }
}
