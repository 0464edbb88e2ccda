//! Pictures of pixels.
//!
//! In: numbers. Out: colors: of pictures as they are, of maps from dark to light. Deliberately not here: where the numbers come
//! from, and files.

/// A picture of pixels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raster {
    /// Pixels of a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Red, green and blue of every pixel, row by row.
    pub colors: Vec<u8>,
}

/// From the least to the most, each lighter than the one before.
const RAMP: [[f64; 3]; 5] = [
    [10.0, 14.0, 32.0],
    [0.0, 92.0, 150.0],
    [70.0, 170.0, 205.0],
    [246.0, 224.0, 130.0],
    [255.0, 255.0, 246.0],
];

impl Raster {
    /// A picture `[height, width, channels]` of values 0..1: one channel is gray, of more the first three are colors.
    #[must_use]
    pub fn of_picture(values: &[f32], height: usize, width: usize) -> Self {
        let channels = (values.len() / (height * width).max(1)).max(1);
        let byte = |value: f32| (value.clamp(0.0, 1.0) * 255.0).round() as u8;
        let pixel = |pixel: &[f32]| match *pixel {
            [red, green, blue, ..] => [byte(red), byte(green), byte(blue)],
            [gray, ..] => [byte(gray); 3],
            [] => [0; 3],
        };
        let colors = values.chunks_exact(channels).flat_map(pixel).collect();
        Self { width, height, colors }
    }

    /// A map of rows of numbers, the first of them at the bottom: what is least is dark. Few outliers do not count.
    #[must_use]
    pub fn of_map(rows: &[&[f32]]) -> Self {
        let width = rows.first().map_or(0, |row| row.len());
        let mut sorted: Vec<f32> = rows.iter().flat_map(|row| row.iter().copied()).collect();
        sorted.sort_by(f32::total_cmp);
        let at = |part: usize| sorted.get(sorted.len() * part / 200).copied().unwrap_or(0.0);
        let (low, high) = (f64::from(at(1)), f64::from(at(199)));
        let scale = if high > low { 1.0 / (high - low) } else { 0.0 };
        let color = |value: &f32| ramp((f64::from(*value) - low) * scale);
        let colors = rows.iter().rev().flat_map(|row| row.iter().flat_map(color)).collect();
        Self { width, height: rows.len(), colors }
    }

    /// At most so many pixels along each side, each the mean of those that it stands for.
    #[must_use]
    pub fn shrunk(self, most: usize) -> Self {
        let longest = self.width.max(self.height);
        if longest <= most || self.width == 0 || self.height == 0 {
            return self;
        }
        let side = |side: usize| (side * most / longest).max(1);
        let (width, height) = (side(self.width), side(self.height));
        let mut colors = Vec::with_capacity(width * height * 3);
        for row in 0..height {
            let rows = row * self.height / height..((row + 1) * self.height).div_ceil(height);
            for column in 0..width {
                let columns =
                    column * self.width / width..((column + 1) * self.width).div_ceil(width);
                let (mut sums, mut n) = ([0_u32; 3], 0);
                for y in rows.clone() {
                    for x in columns.clone() {
                        let pixel = &self.colors[(y * self.width + x) * 3..][..3];
                        sums.iter_mut().zip(pixel).for_each(|(sum, part)| *sum += u32::from(*part));
                        n += 1;
                    }
                }
                colors.extend(sums.map(|sum| u8::try_from(sum / n).expect("a mean of bytes")));
            }
        }
        Self { width, height, colors }
    }
}

/// The color of a part, 0..1.
fn ramp(part: f64) -> [u8; 3] {
    let place = part.clamp(0.0, 1.0) * (RAMP.len() - 1) as f64;
    let first = (place as usize).min(RAMP.len() - 2);
    let share = place - first as f64;
    let mix = |at: usize| RAMP[first][at] * (1.0 - share) + RAMP[first + 1][at] * share;
    [0, 1, 2].map(|at| mix(at).round() as u8)
}

#[cfg(test)]
mod tests {
    use super::Raster;

    #[test]
    fn pixels() {
        let gray = Raster::of_picture(&[0.0, 0.5, 1.0, 2.0], 2, 2);
        assert_eq!(gray.colors, [0, 0, 0, 128, 128, 128, 255, 255, 255, 255, 255, 255]);
        let color = Raster::of_picture(&[1.0, 0.0, 0.0, 0.9], 1, 1);
        assert_eq!(color.colors, [255, 0, 0], "a fourth channel is not shown");
        assert_eq!(gray.clone().shrunk(1).colors, [159; 3]);
        assert_eq!(gray.clone().shrunk(2), gray);
        let map = Raster::of_map(&[&[0.0, 1.0], &[2.0, 3.0]]);
        let light =
            |at: usize| map.colors[3 * at..][..3].iter().map(|c| u32::from(*c)).sum::<u32>();
        assert!(
            light(2) < light(3) && light(3) < light(0) && light(0) <= light(1),
            "the first row is below"
        );
        let flat = Raster::of_map(&[&[7.0, 7.0]]);
        assert_eq!(flat.colors[..3], flat.colors[3..]);
    }
}
