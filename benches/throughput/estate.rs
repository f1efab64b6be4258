//! The generated estate, and what requests are made of: its sites, customers and profiles.

use std::{
    sync::Arc,
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::Result;
use entity::Moment;
use roamline::{app::App, caller::Caller, config::Config, store};

use crate::{hand::Pool, place::Place, report::say};

/// What requests ask for.
#[derive(Clone)]
pub struct Estate(Arc<Keys>);

pub struct Keys {
    pub sites: Vec<i64>,
    pub customers: Vec<i64>,
    /// Name and cluster of every profile.
    pub profiles: Vec<(String, i64)>,
}

impl std::ops::Deref for Estate {
    type Target = Keys;

    fn deref(&self) -> &Keys {
        &self.0
    }
}

impl Estate {
    /// Reads the keys.
    pub async fn read(pool: &Pool) -> Result<Self> {
        let of_kind = "SELECT id FROM organization WHERE kind = 'SITE' ORDER BY id";
        let sites = pool.numbers(of_kind).await?;
        let customers =
            pool.numbers("SELECT id FROM organization WHERE kind = 'CUSTOMER' ORDER BY id").await?;
        let profiles = pool.named("SELECT name, cluster_id FROM profile ORDER BY id").await?;
        Ok(Self(Arc::new(Keys { sites, customers, profiles })))
    }
}

/// The settings of a server at the place: the defaults, without tokens.
pub fn config(place: &Place) -> Config {
    let mut config = Config { no_auth: true, ..Config::default() };
    config.database.url.clone_from(&place.url);
    config
}

/// Opens the application with the real clock.
pub async fn open(place: &Place) -> Result<App> {
    let clock = || {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Moment(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    };
    Ok(App::open(config(place), Arc::new(clock)).await?)
}

/// Fills the database and lets it count what it has.
pub async fn generate(place: &Place, profiles: u32, seed: u64) -> Result<()> {
    let began = Instant::now();
    let app = open(place).await?;
    let estate = store::Estate { profiles, seed };
    app.generate(&Caller::administrator("throughput"), estate, |_| {}).await?;
    drop(app);
    say(&format!("generated in {:.1} s", began.elapsed().as_secs_f64()));
    let began = Instant::now();
    let pool = Pool::open(place).await?;
    pool.settle().await?;
    pool.close().await;
    say(&format!("analyzed in {:.1} s", began.elapsed().as_secs_f64()));
    Ok(())
}
