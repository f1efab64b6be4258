//! Cleaning up what is left behind, one thing in one transaction (DEL-11).

use super::Command;
use crate::{
    caller::{Action, Noun, Right},
    error::Error,
    rule::{
        Decision, line,
        number::ReserveFor,
        orphan::{CleanUp, Orphan, check},
        profile,
        session::OnActiveSession,
    },
    store::{
        Tx,
        orphan::{facts, number},
    },
};

impl Command for CleanUp {
    const NAME: &'static str = "cleanUpOrphans";
    // Each kind of thing asks for its own.
    const RIGHT: Right = Right::Edit;

    fn also(&self) -> Vec<(Action, Noun)> {
        vec![match self.orphan {
            Orphan::Profile(_) => (Action::Delete, Noun::Profile),
            Orphan::Line(_) => (Action::Delete, Noun::Line),
            Orphan::Number(_) => (Action::Update, Noun::Number),
        }]
    }

    async fn decide(&self, tx: &Tx) -> Result<Decision, Error> {
        if let Err(broken) = check(self, &facts(tx, self).await?) {
            return Ok(Err(broken));
        }
        let expected_version = None;
        match self.orphan {
            Orphan::Profile(id) => {
                let delete = profile::Delete {
                    id,
                    expected_version,
                    release_logout_phones: false,
                    on_active_session: OnActiveSession::default(),
                };
                delete.decide(tx).await
            }
            Orphan::Line(id) => {
                line::Delete { id, expected_version, remove_appearances: false }.decide(tx).await
            }
            Orphan::Number(_) => match number(tx, self).await? {
                Some(number) => {
                    let free = ReserveFor {
                        organization: number.organization_id,
                        cluster: number.cluster_id,
                        partition: number.partition,
                        patterns: vec![number.pattern],
                        user_id: None,
                        until: None,
                    };
                    free.decide(tx).await
                }
                None => Ok(Ok(Vec::new())),
            },
        }
    }
}
