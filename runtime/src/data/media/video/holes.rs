//! Packets that an encoder filled from both sides of a hole.
//!
//! In: when the packets of a stream of sound are, as `ffmpeg` lists them (`-f framecrc`), and samples that lie at these times.
//! Out: the same, with such packets at the end of their hole. An encoder of packets of one length collects samples until a
//! packet is full; where its input has a hole, it goes on to fill the packet with what comes behind, and the packet keeps the time
//! of its first sample. It is found by its time to the next one, which is no whole number of packets, as it is where packets
//! were lost on the way. Deliberately not here: how much of the packet is of before the hole, which nothing says; that
//! is late then, by less than a packet.

/// Codecs whose packets are of one length.
const FIXED: [&str; 8] = ["aac", "mp3", "mp2", "opus", "flac", "alac", "ac3", "eac3"];
/// Times of packets are rounded to thousandths, at both ends of a step, seconds.
const ROUNDING: f64 = 0.001;

/// A packet that is moved, seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Moved {
    from: f64,
    to: f64,
    length: f64,
}

/// The packets of a list that were filled from both sides of a hole of at least so many seconds.
pub(super) fn filled(list: &str, least: f64) -> Vec<Moved> {
    let said = |what: &str| {
        let line = list.lines().find_map(|line| line.strip_prefix(what));
        line.and_then(|line| line.split_once(": ")).map(|(_, said)| said.trim())
    };
    let base = said("#tb ").and_then(|base| base.split_once('/'));
    let base = base.and_then(|(n, d)| Some(n.parse::<f64>().ok()? / d.parse::<f64>().ok()?));
    let (Some(base), Some(codec)) = (base, said("#codec_id ")) else { return Vec::new() };
    if !FIXED.contains(&codec) {
        return Vec::new();
    }
    let shown = |line: &str| line.split(',').nth(2)?.trim().parse::<f64>().ok();
    let mut times: Vec<f64> = list.lines().filter_map(shown).map(|time| time * base).collect();
    times.sort_by(f64::total_cmp);
    let steps: Vec<f64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let mut sorted = steps.clone();
    sorted.sort_by(f64::total_cmp);
    let Some(middle) = sorted.get(sorted.len() / 2).copied() else { return Vec::new() };
    // Rounded times give the length of a packet by their mean.
    let plain: Vec<f64> = steps.iter().copied().filter(|step| *step < middle + least).collect();
    let length = plain.iter().sum::<f64>() / plain.len() as f64;
    let is_filled = |step: f64| {
        let packets = step / length;
        let error = 2.0 * ROUNDING + packets * ROUNDING / plain.len() as f64;
        let apart = (packets - packets.round()).abs() * length;
        step - length > least && apart > error
    };
    let holes = times.iter().zip(&steps).filter(|(_, step)| is_filled(**step));
    holes.map(|(time, step)| Moved { from: *time, to: time + step - length, length }).collect()
}

/// Moves packets in interleaved samples of which the first is at a time.
pub(super) fn moved(
    samples: &mut [f32],
    begin: f64,
    (rate, channels): (u32, usize),
    packets: &[Moved],
) {
    let most = samples.len() / channels;
    let at = |time: f64| {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "samples")]
        let place = ((time - begin) * f64::from(rate)).round().max(0.0) as usize;
        place.min(most)
    };
    for Moved { from, to, length } in packets {
        // A part that begins within the packet has the rest of it.
        let missing = (begin - from).max(0.0);
        let (first, end) = (at(from + missing), at(from + length));
        let (then, last) = (at(to + missing), at(to + length));
        let count = end.saturating_sub(first).min(last.saturating_sub(then));
        samples.copy_within(first * channels..(first + count) * channels, then * channels);
        samples[first * channels..then.min(end).max(first) * channels].fill(0.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(base: &str, codec: &str, times: &[u32]) -> String {
        let head = format!("#tb 0: {base}\n#media_type 0: audio\n#codec_id 0: {codec}\n");
        let line = |time: &u32| format!("0, {time}, {time}, 72, 12, 0x1f190434\n");
        head + &times.iter().map(line).collect::<String>()
    }

    #[test]
    fn what_lies_on_both_sides_of_a_hole_is_no_whole_number_of_packets() {
        let before = [0, 72, 144, 216, 288, 360, 432, 504];
        let with = |after: &[u32]| [&before[..], after].concat();
        let moved = |text: &str| filled(text, 0.015);
        let found = moved(&list("1/1000", "flac", &with(&[1088, 1160, 1232])));
        let [Moved { from, to, length }] = found[..] else { panic!("{found:?}") };
        assert!((from - 0.504).abs() < 1e-9 && (length - 0.072).abs() < 1e-9);
        assert!((to - 1.016).abs() < 1e-9);
        // Seven packets were lost; a clock jitters; packets of any length; nothing is known.
        for text in [
            list("1/1000", "flac", &with(&[1008, 1080, 1152])),
            list("1/1000", "flac", &with(&[577, 650, 721])),
            list("1/1000", "pcm_s16le", &with(&[1088, 1160, 1232])),
            list("1/0", "flac", &[0]),
            list("1/1000", "aac", &[5]),
            String::new(),
        ] {
            assert_eq!(moved(&text), [], "{text}");
        }
        // 1,024 samples of 44,100 a second, rounded: a hole of 100 packets, and of a half more.
        for (packets, is_filled) in [(100.0, false), (100.5, true)] {
            let time = |packet: f64| (packet * 1024.0 / 44.1).round() as u32;
            let times =
                (0..50).map(f64::from).chain((0..50).map(|n| 49.0 + packets + f64::from(n)));
            let times: Vec<u32> = times.map(time).collect();
            let found = moved(&list("1/1000", "aac", &times));
            assert_eq!(found.len(), usize::from(is_filled), "{found:?}");
        }
    }

    #[test]
    fn packets_are_moved_as_far_as_they_are_there() {
        // Two channels, ten samples a second: a packet of three at 0.2 goes to 0.6.
        let packet = Moved { from: 0.2, to: 0.6, length: 0.3 };
        let part = |begin: f64, mono: &[f32]| {
            let mut samples: Vec<f32> = mono.iter().flat_map(|one| [*one, -*one]).collect();
            moved(&mut samples, begin, (10, 2), &[packet]);
            let pairs: Vec<f32> = samples.chunks(2).map(|pair| pair[0]).collect();
            assert!(samples.chunks(2).all(|pair| pair[0] == -pair[1]));
            pairs
        };
        let whole = [1.0, 1.0, 2.0, 3.0, 4.0, 0.0, 0.0, 0.0, 0.0, 9.0];
        assert_eq!(part(0.0, &whole), [1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 2.0, 3.0, 4.0, 9.0]);
        assert_eq!(part(0.3, &whole[3..]), [0.0, 0.0, 0.0, 0.0, 3.0, 4.0, 9.0]);
        assert_eq!(part(0.0, &whole[..8]), [1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 2.0, 3.0]);
        assert_eq!(part(0.0, &whole[..4]), [1.0, 1.0, 0.0, 0.0]);
        assert_eq!(part(0.7, &whole[7..]), [0.0, 0.0, 9.0]);
        // A hole that is shorter than the packet.
        let mut short = [1.0, 2.0, 3.0, 0.0, 5.0];
        let near = Moved { from: 0.0, to: 0.1, length: 0.3 };
        moved(&mut short, 0.0, (10, 1), &[near]);
        assert_eq!(short, [0.0, 1.0, 2.0, 3.0, 5.0]);
    }
}
