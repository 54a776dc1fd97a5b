//! The spread of reports as a picture: the share of the nodes reached over time.

use std::{fs, path::Path, time::Duration};

use anyhow::Context as _;
use plotters::prelude::{
    BLACK, ChartBuilder, Color as _, IntoDrawingArea as _, LineSeries, PathElement, RGBColor,
    SVGBackend, SeriesLabelPosition, WHITE,
};

use crate::simulation::network::{Figures, Plan};

/// Colours that people who see them differently can tell apart (Okabe and Ito 2008).
const MEAN: RGBColor = RGBColor(0, 114, 178);
/// See [`MEAN`].
const LEAST: RGBColor = RGBColor(213, 94, 0);
/// See [`MEAN`].
const P99: RGBColor = RGBColor(120, 120, 120);
const SIZE: (u32, u32) = (900, 480);
const FONT: &str = "sans-serif";
/// Points of a line.
const POINTS: u32 = 400;

/// Draws it into a file.
///
/// # Errors
/// The file cannot be written.
pub fn write(file: &Path, plan: &Plan, figures: &Figures) -> anyhow::Result<()> {
    let mut svg = String::new();
    draw(&mut svg, plan, figures).context("cannot draw")?;
    fs::write(file, svg).with_context(|| format!("cannot write {}", file.display()))
}

fn draw(svg: &mut String, plan: &Plan, figures: &Figures) -> anyhow::Result<()> {
    let root = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let last = figures.delays.last().copied().unwrap_or_default();
    // A little room after the last arrival; never nothing.
    let width = last.mul_f64(1.05).max(Duration::from_millis(10));
    let millis = |span: Duration| span.as_secs_f64() * 1e3;
    let title = format!(
        "Share of {} honest nodes reached ({} nodes, {:.0} % refuse, round trip {:.0} ms, seed {})",
        figures.honest,
        plan.nodes,
        plan.refuse * 100.0,
        millis(plan.round_trip),
        plan.seed
    );
    let mut chart = ChartBuilder::on(&root)
        .caption(title, (FONT, 18))
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(48)
        .build_cartesian_2d(0.0..millis(width), 0.0..1.02)?;
    chart
        .configure_mesh()
        .x_desc("milliseconds since the report was said")
        .x_label_formatter(&|millis| format!("{millis:.0}"))
        .light_line_style(WHITE)
        .draw()?;
    let points: Vec<_> = (0..=POINTS)
        .map(|at| width * at / POINTS)
        .map(|after| (millis(after), figures.reached(after)))
        .collect();
    let mean = points.iter().map(|(x, (mean, _))| (*x, *mean));
    let least = points.iter().map(|(x, (_, least))| (*x, *least));
    let mean_name = format!("mean of {} reports", figures.reports);
    chart
        .draw_series(LineSeries::new(mean, MEAN.stroke_width(2)))?
        .label(mean_name)
        .legend(|(x, y)| PathElement::new([(x, y), (x + 16, y)], MEAN.stroke_width(2)));
    chart
        .draw_series(LineSeries::new(least, LEAST.stroke_width(2)))?
        .label("fewest nodes of any report")
        .legend(|(x, y)| PathElement::new([(x, y), (x + 16, y)], LEAST.stroke_width(2)));
    if let Some(p99) = figures.delay(0.99) {
        let x = millis(p99);
        chart
            .draw_series(LineSeries::new([(x, 0.0), (x, 1.02)], P99.stroke_width(1)))?
            .label(format!("99 % of all arrivals: {x:.0} ms"))
            .legend(|(x, y)| PathElement::new([(x, y), (x + 16, y)], P99.stroke_width(1)));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::LowerRight)
        .background_style(WHITE.mix(0.8))
        .border_style(BLACK.mix(0.3))
        .draw()?;
    root.present()?;
    Ok(())
}
