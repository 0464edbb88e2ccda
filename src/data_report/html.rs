//! Sets as one page of HTML.
//!
//! In: what is known of them. Out: a page that needs nothing else: no scripts, no files, no network. Deliberately not here: where
//! it is written.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{SetReport, sheet, text};
use crate::picture::{self, Cell, Raster, Row, Sheet, TALL, WIDE, wave_path};

const STYLE: &str = "
  :root { color-scheme: light; }
  body { font: 14px/1.45 system-ui, sans-serif; color: #1a1a1a; background: #fff; margin: 2rem auto; max-width: 1200px;
         padding: 0 1.5rem; }
  h1 { font-size: 1.4rem; margin: 0 0 .2rem; } h2 { font-size: 1.1rem; margin: 2rem 0 .4rem; }
  p.note { color: #555; margin: 0 0 .6rem; } p.wrong { border-left: 3px solid #d55e00; padding: .3rem .8rem; }
  pre { background: #f7f7f7; padding: .8rem 1rem; overflow-x: auto; font-size: 12.5px; line-height: 1.4; }
  .sheet { overflow-x: auto; }
  table { border-collapse: collapse; } th { text-align: left; font-size: 12px; padding: .3rem .8rem .3rem 0; white-space: nowrap; }
  th span, td small { color: #555; font-weight: normal; font-size: 11px; }
  td { border-top: 1px solid #e8e8e8; padding: .5rem 1.2rem .5rem 0; vertical-align: top; }
  td.key { min-width: 11rem; max-width: 16rem; overflow-wrap: anywhere; } td.key b { font-size: 12.5px; }
  td.key div { color: #555; font-size: 12px; } td.absent { color: #888; }
  img { height: 72px; margin-right: 3px; image-rendering: pixelated; display: inline-block; }
  img.map { width: 216px; } svg { background: #f4f4f4; display: block; } small { display: block; white-space: nowrap; }
";

/// One page about some sets.
///
/// # Errors
///
/// The reason in words, where a picture cannot be written.
pub fn html(title: &str, reports: &[SetReport<'_>]) -> Result<String, String> {
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{0}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>{0}</h1>\n",
        escaped(title)
    );
    for report in reports {
        let sheet = sheet(report);
        // Writing to a string does not fail; here and below.
        let _ = writeln!(page, "<h2>{}</h2>", escaped(&sheet.title));
        if let Some(wrong) = report.wrong {
            let _ = writeln!(page, "<p class=\"wrong\">{}</p>", escaped(wrong));
        }
        let told = text(report);
        if !told.is_empty() {
            let _ = writeln!(page, "<pre>{}</pre>", escaped(&told));
        }
        if !sheet.rows.is_empty() {
            samples(&mut page, &sheet)?;
        }
    }
    page.push_str("</body>\n</html>\n");
    Ok(page)
}

fn samples(page: &mut String, sheet: &Sheet) -> Result<(), String> {
    let _ = writeln!(page, "<p class=\"note\">{}</p>", escaped(&sheet.note));
    page.push_str("<div class=\"sheet\"><table>\n<tr><th></th>");
    for head in &sheet.heads {
        let _ =
            write!(page, "<th>{} <span>{}</span></th>", escaped(&head.name), escaped(&head.told));
    }
    page.push_str("</tr>\n");
    for row in &sheet.rows {
        self::row(page, row, sheet.heads.len())?;
    }
    page.push_str("</table></div>\n");
    Ok(())
}

fn row(page: &mut String, row: &Row, columns: usize) -> Result<(), String> {
    let _ = write!(page, "<tr><td class=\"key\"><b>{}</b>", escaped(&row.title));
    for line in &row.lines {
        let _ = write!(page, "<div>{}</div>", escaped(line));
    }
    page.push_str("</td>");
    if row.cells.is_empty() {
        let _ = write!(page, "<td colspan=\"{}\"></td>", columns.max(1));
    }
    for cell in &row.cells {
        match cell {
            Cell::Pictures(pictures, told) => {
                page.push_str("<td>");
                for raster in pictures {
                    let _ = write!(page, "<img alt=\"\" src=\"{}\">", address(raster)?);
                }
                let _ = write!(page, "<small>{}</small></td>", escaped(told));
            }
            Cell::Map(raster, told) => {
                let (address, told) = (address(raster)?, escaped(told));
                let _ = write!(
                    page,
                    "<td><img class=\"map\" alt=\"\" src=\"{address}\"><small>{told}</small></td>"
                );
            }
            Cell::Waves(channels, told) => {
                let tall = TALL / channels.len().max(1) as f64;
                let paths = channels.iter().zip((0..).map(f64::from));
                let paths: Vec<String> =
                    paths.map(|(wave, at)| wave_path(wave, 0.0, tall * at, tall)).collect();
                let _ = write!(
                    page,
                    "<td><svg width=\"{WIDE}\" height=\"{TALL}\" viewBox=\"0 0 {WIDE} {TALL}\"><path d=\"{}\" \
                     fill=\"none\" stroke=\"#0072b2\" stroke-width=\"0.6\"/></svg><small>{}</small></td>",
                    paths.join(""),
                    escaped(told)
                );
            }
            Cell::Words(text) => {
                let _ = write!(page, "<td>{}</td>", escaped(text));
            }
            Cell::Absent => page.push_str("<td class=\"absent\">absent</td>"),
        }
    }
    page.push_str("</tr>\n");
    Ok(())
}

/// A picture as an address that holds it.
fn address(raster: &Raster) -> Result<String, String> {
    let png = picture::raster_png(raster)?;
    Ok(format!("data:image/png;base64,{}", STANDARD.encode(png)))
}

fn escaped(text: &str) -> String {
    let text = text.replace(|c: char| c.is_control() && c != '\n', "\u{fffd}");
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
