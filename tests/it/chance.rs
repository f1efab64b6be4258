//! What chance draws for the stories that are told at random. The same on every machine, so that what one has seen any other
//! sees again, and no change is refused for what another one did; `PROPTEST_RNG_SEED` draws others, `PROPTEST_CASES` more.

use proptest::test_runner::{Config, RngSeed, TestRunner};

const SEED: u64 = 1;

/// Draws as many cases, unless it is told another number.
pub fn runner(cases: u32) -> TestRunner {
    let told = Config::default();
    let cases = if std::env::var_os("PROPTEST_CASES").is_some() { told.cases } else { cases };
    let rng_seed = match told.rng_seed {
        RngSeed::Random => RngSeed::Fixed(SEED),
        fixed @ RngSeed::Fixed(_) => fixed,
    };
    // What stands there is entangled with what came before, so that no case can be told again for itself.
    TestRunner::new(Config { cases, rng_seed, max_shrink_iters: 0, failure_persistence: None, ..told })
}
