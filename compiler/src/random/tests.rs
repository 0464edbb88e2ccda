use super::*;
use crate::model::Init;
use crate::number::Number;

fn number(numerator: i128, denominator: i128) -> Number {
    Number::ratio(numerator, denominator).expect("not zero")
}

#[test]
fn philox_gives_the_published_words() {
    // Random123's known answers for philox4x32-10.
    let check = |counter, key, expected| assert_eq!(philox(counter, key), expected);
    check([0; 4], [0; 2], [0x6627_E8D5, 0xE169_C58D, 0xBC57_AC4C, 0x9B00_DBD8]);
    check([u32::MAX; 4], [u32::MAX; 2], [0x408F_276D, 0x41C8_3B0E, 0xA20B_C7C6, 0x6D54_51FD]);
    check(
        [0x243F_6A88, 0x85A3_08D3, 0x1319_8A2E, 0x0370_7344],
        [0xA409_3822, 0x299F_31D0],
        [0xD16C_FE09, 0x94FD_CCEB, 0x5001_E420, 0x2412_6EA1],
    );
    assert_eq!(key(0x299F_31D0_A409_3822), [0xA409_3822, 0x299F_31D0]);
}

#[test]
fn units_are_exact() {
    assert_eq!(unit(0), 0.0);
    assert_eq!(unit(0xFF), 0.0);
    assert_eq!(unit(0x100), (-24f32).exp2());
    assert_eq!(unit(1 << 31), 0.5);
    assert_eq!(unit(u32::MAX), 1.0 - (-24f32).exp2());
    for word in (0..u32::MAX).step_by(65_537) {
        assert_eq!(f64::from(unit(word)), f64::from(word >> 8) / 16_777_216.0);
    }
}

#[test]
fn a_call_serves_four_channels() {
    let site = site_hash("layers.3.drop_path");
    let four = uniform(7, [5, site, 11, 2]);
    for channel in 8..12 {
        assert_eq!(site_uniform(7, 5, site, 11, channel), four[channel as usize - 8]);
    }
    assert_ne!(four, uniform(8, [5, site, 11, 2]));
    assert_ne!(four, uniform(7, [6, site, 11, 2]));
}

#[test]
fn hashes_stay() {
    let check = |path: &str, expected: u64| {
        assert_eq!(path_hash(path), expected, "{path}: {:#x}", path_hash(path));
        assert_eq!(site_hash(path), expected as u32);
    };
    check("", 0xEFD0_1F60_BA99_2926);
    check("a", 0x82A2_A958_A9BE_CE5B);
    check("layers.0.video.attend.query", 0xE845_0D21_FA41_D8AA);
    // A thousand layers with ten sites each: no two alike.
    let sites = (0..10_000).map(|i| site_hash(&format!("layers.{}.site{}", i / 10, i % 10)));
    let mut sites: Vec<u32> = sites.collect();
    sites.sort_unstable();
    sites.dedup();
    assert_eq!(sites.len(), 10_000);
}

#[test]
fn starts_stay() {
    let check = |init: Init| {
        let numbers = initial("layers.0.mlp.weight", &[2, 3], &init, 2024);
        format!("{init}: {numbers:?}")
    };
    let std = number(1, 50);
    let lines = [
        Init::Constant(number(3, 2)),
        Init::Truncated(std),
        Init::Normal(std),
        Init::Uniform(std),
        Init::Xavier,
    ];
    insta::assert_snapshot!(lines.map(check).join("\n"), @"
    1.5: [1.5, 1.5, 1.5, 1.5, 1.5, 1.5]
    truncated(0.02): [-0.023112476, -0.0058556898, 0.028097488, 0.0019125222, 0.018768683, 0.0054288055]
    normal(0.02): [-0.023112476, -0.0058556898, 0.028097488, 0.0019125222, 0.018768683, 0.0054288055]
    uniform(0.02): [-0.00034592173, 0.0015796762, -0.005157847, -0.019567337, 0.0048214993, -0.018207511]
    xavier: [-0.018946914, 0.08652243, -0.2825069, -1.0717472, 0.2640844, -0.9972664]
    ");
    let [first, second] = normal(0x1234_5678, 0x9ABC_DEF0);
    insta::assert_snapshot!(format!("{first:?} {second:?}"), @"-1.8217534551068049 -1.4029389531071743");
    insta::assert_snapshot!(format!("{:?}", uniform(2024, [1, 2, 3, 4])), @"[0.24189252, 0.46144813, 0.03533888, 0.8703181]");
}

#[test]
fn only_what_lies_beyond_two_deviations_is_drawn_again() {
    let draw = |init| initial("layers.0.mlp.weight", &[1000], &init, 2024);
    let (cut, normal) = (draw(Init::Truncated(Number::ONE)), draw(Init::Normal(Number::ONE)));
    let mut again = Vec::new();
    for (i, (cut, normal)) in cut.iter().zip(normal).enumerate() {
        if normal.abs() > 2.0 {
            again.push((i, *cut));
        } else {
            assert_eq!(*cut, normal, "element {i}");
        }
    }
    insta::assert_snapshot!(format!("{}: {:?}", again.len(), &again[..3]), @"49: [(72, 1.2986075), (82, 0.48914376), (123, -0.41881323)]");
}

#[test]
fn any_range_has_the_numbers_of_the_whole() {
    let shape = [7, 11];
    let std = number(1, 50);
    for init in [Init::Truncated(std), Init::Normal(std), Init::Uniform(std), Init::Xavier] {
        let whole = initial("w", &shape, &init, 3);
        for (start, end) in [(0, 0), (0, 1), (3, 5), (4, 8), (5, 77), (77, 77), (2, 3)] {
            let mut part = vec![0.0; end - start];
            fill("w", &shape, &init, 3, start as u64..end as u64, &mut part);
            assert_eq!(part, whole[start..end], "{init} {start}..{end}");
        }
        // The shape says how many there are and, for Xavier, the bound; the numbers do not depend on it.
        if init != Init::Xavier {
            assert_eq!(initial("w", &[77], &init, 3), whole);
        }
        assert_ne!(initial("v", &shape, &init, 3), whole);
        assert_ne!(initial("w", &shape, &init, 4), whole);
    }
}

/// Mean, deviation, fourth moment by the square of the variance, and the largest magnitude.
fn moments(numbers: &[f32]) -> [f64; 4] {
    let n = numbers.len() as f64;
    let mean = numbers.iter().map(|&x| f64::from(x)).sum::<f64>() / n;
    let moment =
        |power| numbers.iter().map(|&x| (f64::from(x) - mean).powi(power)).sum::<f64>() / n;
    let largest = numbers.iter().map(|x| f64::from(x.abs())).fold(0.0, f64::max);
    [mean, moment(2).sqrt(), moment(4) / moment(2).powi(2), largest]
}

#[test]
fn starts_are_distributed_as_they_say() {
    // Of a million numbers the mean is off by about deviation / 1000, the deviation by 1 / 1400 of itself, the
    // fourth moment by at most 0.005 (normal); five times that is allowed.
    let check = |init: Init, shape: &[u64], deviation: f64, kurtosis: f64, bound: f64| {
        let [mean, std, fourth, largest] = moments(&initial("weight", shape, &init, 1));
        assert!(mean.abs() < 0.005 * deviation, "{init}: mean {mean}");
        assert!((std / deviation - 1.0).abs() < 0.004, "{init}: deviation {std}");
        assert!((fourth - kurtosis).abs() < 0.025, "{init}: fourth moment {fourth}");
        assert!(largest <= bound * (1.0 + 1e-7), "{init}: largest {largest}");
        assert!(largest > bound * 0.7, "{init}: largest {largest}");
    };
    let million = [1000, 1000];
    // A normal cut at two deviations has deviation sqrt(1 - 4 p(2) / (2 P(2) - 1)) and this fourth moment.
    check(Init::Truncated(number(1, 50)), &million, 0.02 * 0.879_626, 2.3655, 0.04);
    check(Init::Normal(number(1, 50)), &million, 0.02, 3.0, 0.02 * 6.0);
    check(Init::Uniform(number(1, 10)), &million, 0.1 / 3f64.sqrt(), 1.8, 0.1);
    let bound = (6f64 / 1200.0).sqrt();
    check(Init::Xavier, &[200, 1000], bound / 3f64.sqrt(), 1.8, bound);
    check(Init::Xavier, &[10, 20, 1000], bound / 3f64.sqrt(), 1.8, bound);
    assert_eq!(initial("weight", &[3], &Init::Constant(number(-1, 4)), 1), [-0.25; 3]);
    assert_eq!(initial("weight", &[0, 3], &Init::Xavier, 1), []);
}

/// Of independent numbers about 1 / sqrt(n).
fn correlation(a: &[f32], b: &[f32]) -> f64 {
    let ([mean_a, std_a, ..], [mean_b, std_b, ..]) = (moments(a), moments(b));
    let products =
        a.iter().zip(b).map(|(&a, &b)| (f64::from(a) - mean_a) * (f64::from(b) - mean_b));
    products.sum::<f64>() / (a.len() as f64 * std_a * std_b)
}

#[test]
fn nothing_is_correlated() {
    let normal = Init::Normal(Number::ONE);
    let draw = |name: &str, seed| initial(name, &[100_000], &normal, seed);
    let first = draw("layers.0.weight", 1);
    // Five times 1 / sqrt(100,000).
    let check = |a: &[f32], b: &[f32]| {
        let found = correlation(a, b);
        assert!(found.abs() < 0.016, "correlation {found}");
    };
    check(&first, &draw("layers.1.weight", 1));
    check(&first, &draw("layers.0.weight", 2));
    for lag in 1..=8 {
        check(&first[..100_000 - lag], &first[lag..]);
    }
    // Squares too: both deviates of a pair share their radius, and nothing else may show it.
    let squares: Vec<f32> = first.iter().map(|x| x * x).collect();
    check(&squares[1..], &squares[..squares.len() - 1]);
    let site = site_hash("drop");
    let channels: Vec<f32> = (0..100_001).map(|c| site_uniform(1, 0, site, 0, c)).collect();
    check(&channels[1..], &channels[..100_000]);
    let tokens: Vec<f32> = (0..100_001).map(|token| site_uniform(1, 0, site, token, 0)).collect();
    check(&tokens[1..], &tokens[..100_000]);
    check(&tokens, &channels);
}
