//! AUC and Brier score as a picture: lines over the share of liars, dots for every other scenario.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::Context as _;
use plotters::{
    coord::Shift,
    prelude::{
        BLACK, ChartBuilder, Circle, Color as _, DrawingArea, IntoDrawingArea as _, LineSeries,
        PathElement, RGBColor, SVGBackend, SeriesLabelPosition, WHITE,
    },
};

use super::trust::Measured;
use crate::simulation::{Spread, Summary};

/// Colours that people who see them differently can tell apart (Okabe and Ito 2008).
const COLOURS: [RGBColor; 8] = [
    RGBColor(0, 114, 178),
    RGBColor(86, 180, 233),
    RGBColor(213, 94, 0),
    RGBColor(230, 159, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(120, 120, 120),
    RGBColor(0, 0, 0),
];
const WIDTH: u32 = 1_200;
const CURVE_HEIGHT: u32 = 420;
/// For each scenario, and for the axis below them.
const ROW_HEIGHT: u32 = 24;
/// See [`ROW_HEIGHT`].
const AXIS_HEIGHT: u32 = 110;
const FONT: &str = "sans-serif";

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// A figure with its name and its range.
struct Figure {
    name: &'static str,
    of: fn(&Summary) -> Option<Spread>,
    range: std::ops::Range<f64>,
    /// Where the names of the models hide no line.
    free_on_curve: SeriesLabelPosition,
    /// Where they hide no dot; `None` where dots are everywhere.
    free_in_rows: Option<SeriesLabelPosition>,
}

const FIGURES: [Figure; 2] = [
    Figure {
        name: "AUC (1 is best), median",
        of: |summary| summary.auc,
        range: 0.0..1.0,
        free_on_curve: SeriesLabelPosition::LowerLeft,
        free_in_rows: None,
    },
    Figure {
        name: "Brier score (0 is best), median",
        of: |summary| summary.brier,
        range: 0.0..0.8,
        free_on_curve: SeriesLabelPosition::UpperLeft,
        free_in_rows: Some(SeriesLabelPosition::MiddleRight),
    },
];

/// Draws what was measured into a file.
///
/// # Errors
/// The file cannot be written.
pub fn write(file: &Path, measured: &[Measured]) -> anyhow::Result<()> {
    let mut svg = String::new();
    draw(&mut svg, measured).context("cannot draw")?;
    fs::write(file, svg).with_context(|| format!("cannot write {}", file.display()))
}

fn draw(svg: &mut String, measured: &[Measured]) -> anyhow::Result<()> {
    let on_curve = |one: &&Measured| one.0.on_curve().is_some();
    let curve: Vec<&Measured> = measured.iter().filter(on_curve).collect();
    // One point makes no line.
    let has_curve = curve.len() > 1;
    let rows: Vec<&Measured> = measured
        .iter()
        .filter(|one| !(has_curve && on_curve(one)))
        .collect();
    let curve_height = if has_curve { CURVE_HEIGHT } else { 0 };
    let rows_height = match u32::try_from(rows.len()).unwrap_or(u32::MAX) {
        0 => 0,
        count => count.saturating_mul(ROW_HEIGHT).saturating_add(AXIS_HEIGHT),
    };
    let root = SVGBackend::with_string(svg, (WIDTH, curve_height.saturating_add(rows_height)))
        .into_drawing_area();
    root.fill(&WHITE)?;
    let (upper, lower) = root.split_vertically(curve_height);
    for (at, figure) in FIGURES.iter().enumerate() {
        if has_curve {
            draw_curve(&upper.split_evenly((1, FIGURES.len()))[at], figure, &curve)?;
        }
        if !rows.is_empty() {
            draw_rows(&lower.split_evenly((1, FIGURES.len()))[at], figure, &rows)?;
        }
    }
    root.present()?;
    Ok(())
}

fn draw_curve(area: &Area<'_>, figure: &Figure, curve: &[&Measured]) -> anyhow::Result<()> {
    let mut chart = ChartBuilder::on(area)
        .caption(figure.name, (FONT, 18))
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(48)
        .build_cartesian_2d(0.0..0.8, figure.range.clone())?;
    chart
        .configure_mesh()
        .x_desc("share of liars")
        .light_line_style(WHITE)
        .draw()?;
    let mut lines: BTreeMap<usize, Vec<(f64, f64)>> = BTreeMap::new();
    for (scenario, summaries) in curve {
        for (at, summary) in summaries.iter().enumerate() {
            if let (Some(share), Some(value)) = (scenario.on_curve(), (figure.of)(summary)) {
                lines.entry(at).or_default().push((share, value.median));
            }
        }
    }
    for (at, points) in lines {
        let colour = COLOURS[at % COLOURS.len()];
        let name = curve[0].1[at].contestant.as_str();
        chart
            .draw_series(LineSeries::new(points, colour.stroke_width(2)).point_size(3))?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], colour.stroke_width(2)));
    }
    chart
        .configure_series_labels()
        .position(figure.free_on_curve.clone())
        .background_style(WHITE.mix(0.8))
        .border_style(BLACK.mix(0.3))
        .draw()?;
    Ok(())
}

fn draw_rows(area: &Area<'_>, figure: &Figure, rows: &[&Measured]) -> anyhow::Result<()> {
    // The first scenario stands at the top; half a row of room at both ends.
    let count = i32::try_from(rows.len())?;
    let names = |y: &i32| name_of(rows, count - 1 - y).to_owned();
    let mut chart = ChartBuilder::on(area)
        .caption(figure.name, (FONT, 18))
        .margin(12)
        .x_label_area_size(28)
        .y_label_area_size(150)
        .build_cartesian_2d(figure.range.clone(), -1..count)?;
    chart
        .configure_mesh()
        .y_labels(rows.len() + 2)
        .y_label_formatter(&names)
        .light_line_style(WHITE)
        .draw()?;
    for (at, model) in rows[0].1.iter().enumerate() {
        let colour = COLOURS[at % COLOURS.len()];
        let dots = rows.iter().zip(0..).filter_map(|((_, summaries), row)| {
            let value = (figure.of)(summaries.get(at)?)?.median;
            Some(Circle::new((value, count - 1 - row), 4, colour.filled()))
        });
        chart
            .draw_series(dots)?
            .label(model.contestant.as_str())
            .legend(move |(x, y)| Circle::new((x + 8, y), 4, colour.filled()));
    }
    if let Some(position) = &figure.free_in_rows {
        chart
            .configure_series_labels()
            .position(position.clone())
            .background_style(WHITE.mix(0.8))
            .border_style(BLACK.mix(0.3))
            .draw()?;
    }
    Ok(())
}

fn name_of(rows: &[&Measured], at: i32) -> &'static str {
    let row = usize::try_from(at).ok().and_then(|at| rows.get(at));
    row.map_or("", |row| row.0.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulation::{Contestant, Scenario, Series};

    #[test]
    fn scenarios_and_models_stand_in_the_picture_and_it_is_the_same_again() {
        let series = Series {
            first: 1,
            seeds: 1,
            threads: 1,
        };
        let measured: Vec<Measured> = ["liars-10", "liars-20", "twins"]
            .into_iter()
            .filter_map(Scenario::named)
            .map(|one| {
                (
                    one,
                    series.run(one, &[contestant("mean"), contestant("slips")], &|| {}),
                )
            })
            .collect();
        let drawn = || {
            let mut svg = String::new();
            draw(&mut svg, &measured).unwrap();
            svg
        };
        let svg = drawn();
        assert!(svg.starts_with("<svg ") && svg.trim_end().ends_with("</svg>"));
        for text in ["share of liars", "twins", "mean", "slips", "AUC", "Brier"] {
            assert!(svg.contains(text), "{text}");
        }
        assert!(!svg.contains("NaN"));
        assert_eq!(svg, drawn());
    }

    fn contestant(name: &str) -> Contestant {
        name.parse().unwrap()
    }
}
