//! Both sides of every pair, served on loopback: Roamline as it is, and routes that answer from SQL.

use std::time::Duration;

use anyhow::{Context, Result};
use roamline::{app::App, http, schema};
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle, time};

use crate::{
    estate,
    hand::{self, Pool},
    place::Place,
};

/// How long a server may take to stop.
const PATIENCE: Duration = Duration::from_secs(15);

/// Two running servers over one database.
pub struct Servers {
    pub app: App,
    pub pool: Pool,
    /// Roamline's address.
    pub ours: String,
    /// The hand-written side's address.
    pub hand: String,
    stop: Vec<oneshot::Sender<()>>,
    served: Vec<JoinHandle<std::io::Result<()>>>,
}

impl Servers {
    /// Starts both.
    pub async fn start(place: &Place) -> Result<Self> {
        let (app, pool) = (estate::open(place).await?, Pool::open(place).await?);
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let ours = listener.local_addr()?.to_string();
        let (stop_ours, stopped) = oneshot::channel::<()>();
        let (served, schema) = (app.clone(), schema::build(app.clone()));
        let served_ours = tokio::spawn(async move {
            let stopped = async move { drop(stopped.await) };
            http::serve(served, schema, listener, stopped).await
        });

        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let hand = listener.local_addr()?.to_string();
        let (stop_hand, stopped) = oneshot::channel::<()>();
        let served_hand = tokio::spawn(hand::serve(pool.clone(), listener, stopped));
        let (stop, served) = (vec![stop_ours, stop_hand], vec![served_ours, served_hand]);
        Ok(Self { app, pool, ours, hand, stop, served })
    }

    /// Stops both.
    pub async fn stop(self) -> Result<()> {
        drop(self.stop);
        for served in self.served {
            time::timeout(PATIENCE, served).await.context("a server does not stop")???;
        }
        self.pool.close().await;
        Ok(())
    }
}
