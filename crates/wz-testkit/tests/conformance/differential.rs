//! Generated modules on wz and on wasmi, and the test of that comparison: faults that are put in
//! on purpose must all be found.

use wz_testkit::differential::{
    Case, Fault, Faulty, Miscompile, Miscompiling, Oracle, Outcome, Round, Verdict, Wasmi, Wz, judge,
};
use wz_testkit::engines::for_each_engine;

/// How many seeds the comparison with wz runs in every test run; `cargo xtask fuzz-seeds` runs
/// as many as one likes.
const SEEDS: u64 = 600;

#[test]
fn wz_agrees_with_wasmi() {
    let mut same = 0;
    for seed in 0..SEEDS {
        match Round::of_seed(seed).run(&Case::from_seed(seed)) {
            Outcome::Same => {
                assert!(!Wasmi::is_wrong(seed), "wasmi is right on seed {seed} now");
                same += 1;
            }
            Outcome::Skipped(why) => println!("seed {seed} skipped: {why}"),
            Outcome::WasmiDiffers(_) if Wasmi::is_wrong(seed) => {}
            outcome => panic!("seed {seed}: {outcome:?}"),
        }
    }
    assert!(same > SEEDS * 9 / 10, "only {same} of {SEEDS} seeds were compared");
}

#[test]
fn engines_agree_with_themselves() {
    for_each_engine(|engine| {
        let wz = Wz::new(engine);
        for seed in 0..20 {
            let case = Case::from_seed(seed);
            assert_eq!(wz.run(&case), wz.run(&case), "seed {seed}");
        }
    });
}

/// The first seed below `end` for which the two differ.
fn first_difference(left: &dyn Oracle, right: &dyn Oracle, end: u64) -> Option<u64> {
    (0..end).find(|seed| matches!(judge(left, right, &Case::from_seed(*seed)), Verdict::Different(_)))
}

#[test]
fn every_false_report_is_found_at_once() {
    for fault in Fault::ALL {
        let faulty = Faulty { inner: Wasmi, fault };
        let mut found = 0;
        for seed in 0..400 {
            match judge(&faulty, &Wasmi, &Case::from_seed(seed)) {
                Verdict::Same => panic!("{fault:?} was not found with seed {seed}"),
                Verdict::Different(_) => found += 1,
                Verdict::Skipped(_) => {}
            }
            if found == 3 {
                break;
            }
        }
        assert_eq!(found, 3, "generated modules give {fault:?} too few occasions");
    }
}

#[test]
fn every_miscompiled_operator_is_found_by_some_seed() {
    let missed: Vec<_> = Miscompile::ALL
        .into_iter()
        .filter(|miscompile| {
            let wrong = Miscompiling { inner: Wasmi, miscompile: *miscompile };
            let seed = first_difference(&wrong, &Wasmi, 2_000);
            println!("{}: {seed:?}", miscompile.name);
            seed.is_none()
        })
        .map(|miscompile| miscompile.name)
        .collect();
    assert!(missed.is_empty(), "not found: {missed:?}");
    assert_eq!(first_difference(&Wasmi, &Wasmi, 50), None, "the oracle is not deterministic");
}
