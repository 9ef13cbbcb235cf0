//! Requests of watchers.

use std::{thread, time::Duration};

use super::{
    observer::{Flow, TrainError},
    trainer::Training,
};
use crate::{
    recipe::{Change, RecipeError},
    run::record::{EventKind, Request, RequestKind},
};

/// The interval at which requests are read.
pub(super) const POLL: Duration = Duration::from_millis(100);

impl Training<'_> {
    /// Answers all requests, and waits while training is paused.
    pub(super) fn answer_requests(&mut self, mut flow: Flow) -> Result<Flow, TrainError> {
        loop {
            for request in self.run.requests()? {
                flow = self.answer(request, flow)?;
            }
            if !self.paused || flow == Flow::Stop {
                return Ok(flow);
            }
            thread::sleep(POLL);
            flow = self.report_step();
            if flow == Flow::Checkpoint {
                self.checkpoint()?;
            }
        }
    }

    fn answer(&mut self, request: Request, flow: Flow) -> Result<Flow, TrainError> {
        let mut next = flow;
        let answer = match request.kind {
            RequestKind::Pause => {
                self.paused = true;
                Ok("paused".to_owned())
            }
            RequestKind::Continue => {
                self.paused = false;
                Ok("training goes on".to_owned())
            }
            RequestKind::Checkpoint => match (self.checkpoint()?, self.run.check_saved()) {
                (true, Ok(())) => Ok("checkpoint written".to_owned()),
                (true, Err(_)) => Err("the checkpoint waits until it can be written".to_owned()),
                (false, _) => Err(format!("a value was not finite: training went back to step {}", self.duel.step)),
            },
            RequestKind::Stop => {
                next = Flow::Stop;
                Ok("stopping".to_owned())
            }
            RequestKind::Set { key, value } => {
                let change = Change::new(self.duel.step, &key, &value);
                match change.and_then(|change| self.duel.recipe.change(change.clone()).map(|()| change)) {
                    Ok(change) => {
                        self.requested.push(change);
                        self.write_recipe()?;
                        Ok(format!("{key} = {value}"))
                    }
                    // Watchers show the key and its value beside the answer.
                    Err(RecipeError::OutOfRange { range, .. }) => Err(format!("use {range}")),
                    Err(why) => Err(why.to_string()),
                }
            }
        };
        let (done, message) = answer.map_or_else(|why| (false, why), |message| (true, message));
        self.event(EventKind::Answer { id: request.id, done, message })?;
        Ok(next)
    }
}
