use duel_trainer::{dataset::*, duel::Duel, recipe::Recipe};
fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let recipe = Recipe::load("article", &args).unwrap();
    let data = Dataset::mnist(Split::Train).first(recipe.data.images, recipe.training.batch).unwrap();
    let b = recipe.training.batch as f64;
    let mut duel = Duel::new(recipe, data, candle_core::Device::Cpu).unwrap();
    rayon::scope(|_| {
        for round in 0..5 {
            let t = std::time::Instant::now();
            for _ in 0..400 {
                duel.advance(false).unwrap();
            }
            let s = t.elapsed().as_secs_f64();
            let m = duel.advance(true).unwrap().unwrap();
            println!(
                "{round}: {:.0} steps/s {:.0} images/s d {:.3} g {:.3} D(x) {:.2} D(G) {:.2}",
                400.0 / s,
                400.0 * b / s,
                m.d_loss,
                m.g_loss,
                m.d_real,
                m.d_fake
            );
        }
    });
}
