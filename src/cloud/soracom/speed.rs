//! Speed classes: how fast SORACOM lets a SIM's session be.

/// The speed classes (API reference, `updateSimSpeedClass`), and their rates in bits a second, both ways.
/// SORACOM publishes the rates of `s1.minimum`, `s1.4xfast` and `s1.8xfast` ("Air for Cellular, speed
/// classes"); those of the others are inferred, and a scenario can name its own.
pub const SPEED_CLASSES: [(&str, u64); 6] = [
    ("s1.minimum", 32_000),
    ("s1.slow", 128_000),
    ("s1.standard", 512_000),
    ("s1.fast", 2_000_000),
    ("s1.4xfast", 8_000_000),
    ("s1.8xfast", 16_000_000),
];

/// The names of the speed classes.
pub fn names() -> impl Iterator<Item = &'static str> {
    SPEED_CLASSES.iter().map(|(name, _)| *name)
}
