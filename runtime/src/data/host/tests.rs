//! Steps of modalities on small grids.

use super::*;
use crate::data::tests::model;

fn host(modality: &str) -> Host {
    let spec = format!("model m {{\n modality a = {modality}\n output o = a |> linear(1)\n}}");
    Host::new(&model(&spec).modalities[0])
}

#[test]
fn grids_are_cut_and_filled_up() {
    let numbers = |n: u8| (0..n).map(f32::from).collect::<Vec<f32>>();
    for (modality, given, wanted) in [
        ("tensor([4]) |> crop(1)", 4, vec![0.0, 1.0, 2.0, 3.0]),
        ("tensor([2, 3, 1]) |> normalize(1, 2)", 6, vec![-0.5, 0.0, 0.5, 1.0, 1.5, 2.0]),
    ] {
        let found = host(modality).of_numbers(numbers(given), &Moment::still()).unwrap();
        assert_eq!(found, wanted, "{modality}");
    }
    let grid = Grid { sizes: vec![2, 3], width: 2 };
    assert_eq!(resized(&numbers(12), &grid, &[1, 2]), [0.0, 1.0, 2.0, 3.0]);
    let filled = resized(&numbers(12), &grid, &[3, 4]);
    let zeros = [0.0; 2];
    assert_eq!(filled[..8], [numbers(6), zeros.to_vec()].concat());
    assert_eq!(filled[8..14], numbers(12)[6..]);
    assert_eq!(filled[14..], [0.0; 10]);
}

#[test]
fn sounds_are_filled_up_or_repeated() {
    let sound = || vec![vec![1.0, 2.0, 3.0]];
    for (short, wanted) in [
        ("pad", [1.0, 2.0, 3.0, 0.0, 0.0, 0.0, 0.0, 0.0]),
        ("loop", [1.0, 2.0, 3.0, 1.0, 2.0, 3.0, 1.0, 2.0]),
    ] {
        let host = host(&format!("wave(rate: 8, seconds: 1, short: {short})"));
        assert_eq!(host.of_sound(sound(), &Moment::still()).unwrap(), wanted);
        assert!(host.of_sound(vec![vec![]], &Moment::still()).is_err());
        assert!(host.of_sound(vec![vec![f32::NAN]], &Moment::still()).is_err());
    }
    let host = host("wave(rate: 4, seconds: 1, channels: 2)");
    let found = host.of_sound(vec![vec![1.0, 2.0], vec![3.0, 4.0]], &Moment::still()).unwrap();
    assert_eq!(found, [1.0, 3.0, 2.0, 4.0, 0.0, 0.0, 0.0, 0.0]);
}
