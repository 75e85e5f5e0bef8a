//! Plots as SVG: lines over a square from 0 to 1.

use plotters::prelude::*;

/// Width and height in pixels.
const SIZE: (u32, u32) = (480, 360);
/// The colours of the lines, in their order.
const COLOURS: [RGBColor; 3] = [RGBColor(31, 95, 168), RGBColor(190, 90, 20), RGBColor(130, 130, 130)];

/// A line with its name: points (x, y), each 0 to 1.
pub(super) type Line<'a> = (&'a str, Vec<(f64, f64)>);

/// Draws lines with the names of both axes.
///
/// # Errors
/// What the drawing library says.
pub(super) fn svg(x: &str, y: &str, lines: &[Line<'_>]) -> Result<String, Box<dyn std::error::Error + Send + Sync>> {
    let mut out = String::new();
    {
        let area = SVGBackend::with_string(&mut out, SIZE).into_drawing_area();
        area.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(&area)
            .margin(12)
            .x_label_area_size(40)
            .y_label_area_size(48)
            .build_cartesian_2d(0.0..1.0, 0.0..1.0)?;
        chart.configure_mesh().x_desc(x).y_desc(y).x_labels(6).y_labels(6).max_light_lines(0).draw()?;
        for ((name, points), colour) in lines.iter().zip(COLOURS) {
            chart
                .draw_series(LineSeries::new(points.iter().copied(), colour.stroke_width(2)))?
                .label(*name)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], colour.stroke_width(2)));
        }
        let names = SeriesLabelPosition::UpperLeft;
        chart.configure_series_labels().position(names).background_style(WHITE).border_style(BLACK).draw()?;
        area.present()?;
    }
    Ok(out)
}
