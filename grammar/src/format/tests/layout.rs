//! The layout, by example.

use super::formatted;

#[test]
fn signs_and_comments_stand_under_each_other() {
    insta::assert_snapshot!(formatted("model m{param dim=64;param depth = 2 // layers
      param a_name_that_is_too_long_for_the_run = 1

    tokens video=video|>patches( 1,16 )|>linear(dim)  // one
    tokens audio,speech   =   latents(4,dim)   // two
  route r{
  video<-video;fusion , summary<- *
     // a comment ends the run
     a <- b within causal& windows([1,2])   // last
     audio } }"), @"
    model m {
      param dim = 64
      param depth = 2  // layers
      param a_name_that_is_too_long_for_the_run = 1

      tokens video         = video |> patches(1, 16) |> linear(dim)  // one
      tokens audio, speech = latents(4, dim)                         // two
      route r {
        video           <- video
        fusion, summary <- *
        // a comment ends the run
        a <- b within causal & windows([1, 2])  // last
        audio
      }
    }
    ");
}

#[test]
fn bodies_on_one_line_stay_there_if_they_fit() {
    insta::assert_snapshot!(formatted("block b( heads ,ratio=4 ){x+=f(x);repeat 2{z+=a;z+=b}
when c {a=b}
else when d { a=c } else{a=d}
layers:repeat depth as i{apply vit(heads,drop:0.1*i/max(depth-1,1))over{a<-a}weights w per group}
repeat depth { apply a_block_with_a_long_name(heads, drop: 0.1, ratio: 4) over { fusion <- video, audio } }
repeat 2 {
x = y }
repeat 3 {

}
}
block c(){x = y}"), @"
    block b(heads, ratio = 4) {
      x += f(x)
      repeat 2 { z += a; z += b }
      when c { a = b } else when d { a = c } else { a = d }
      layers: repeat depth as i {
        apply vit(heads, drop: 0.1 * i / max(depth - 1, 1)) over { a <- a } weights w per group
      }
      repeat depth {
        apply a_block_with_a_long_name(heads, drop: 0.1, ratio: 4) over { fusion <- video, audio }
      }
      repeat 2 {
        x = y
      }
      repeat 3 {}
    }

    block c() { x = y }
    ");
}

#[test]
fn long_lines_are_broken() {
    insta::assert_snapshot!(formatted("model m {
  modality audio = wave(rate: rate, seconds: seconds, short: pad) |> logmel(bins: bins, window: rate / 40) |> crop(bins)
  objective supervised = 0.5 * mean(cross_entropy(video_logits, label), cross_entropy(audio_logits, label), 1)
  let sum = a_long_name_of_a_number + another_long_name_of_a_number * 2 + a_third_long_name_of_a_number - 1
  let choice = if a_long_condition_of_numbers > 12 then a_long_name_of_a_number else if b then a_name else another
  tokens a_long_name_of_tokens, b_long_name_of_tokens, c_long_name_of_tokens, d_long_name_of_tokens = latents(1, dim)
  assert a_long_name_of_tokens reads only a_long_name_of_modality, b_long_name_of_modality, c_long_name
  apply a_block_with_a_long_name(heads, drop: 0.1, ratio: 4, another_argument: true) over { fusion <- video, audio }
  let list = [ [1, 2, 3], f(a, [aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa, bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb, cccccccccccccccc])]
}"), @"
    model m {
      modality audio = wave(rate: rate, seconds: seconds, short: pad)
        |> logmel(bins: bins, window: rate / 40)
        |> crop(bins)
      objective supervised = 0.5 * mean(
        cross_entropy(video_logits, label),
        cross_entropy(audio_logits, label),
        1,
      )
      let sum = a_long_name_of_a_number +
        another_long_name_of_a_number * 2 +
        a_third_long_name_of_a_number -
        1
      let choice = if a_long_condition_of_numbers > 12 then a_long_name_of_a_number
        else if b then a_name
        else another
      tokens a_long_name_of_tokens,
        b_long_name_of_tokens,
        c_long_name_of_tokens,
        d_long_name_of_tokens = latents(1, dim)
      assert a_long_name_of_tokens reads only a_long_name_of_modality,
        b_long_name_of_modality,
        c_long_name
      apply a_block_with_a_long_name(heads, drop: 0.1, ratio: 4, another_argument: true) over {
        fusion <- video, audio
      }
      let list = [
        [1, 2, 3],
        f(
          a,
          [aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa, bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb, cccccccccccccccc],
        ),
      ]
    }
    ");
}

#[test]
fn comments_in_awkward_places() {
    insta::assert_snapshot!(formatted("// head

/// Docs of m.
model m { // after the brace


  /// Docs of a.
  let a = // why
    1 + // one
    2

  let b = f( // the arguments
    x, // first
    // before y
    y
    // at the end
  ) // after
  let c = g(1 + (
    // inside
    2), [3])
  tokens d = d // from d
    // then
    |> e(1) |> f // last
  when a { x = y } // before else
  else { x = z }
  /// Not documentation of what follows.

  let z = [ /// nor this
    1][ /// nor that
    0]
  repeat 2 { // loop
    // only this
  } // after the loop
  // the end
} // after
// and more
block b(// params
  a, // first
  b = 2) {}
// the very end"), @"
    // head

    /// Docs of m.
    model m {  // after the brace
      // why
      /// Docs of a.
      let a = 1 +  // one
        2

      let b = f(  // the arguments
        x,  // first
        // before y
        y,
        // at the end
      )  // after
      let c = g(
        1 +
          // inside
          (2),
        [3],
      )
      tokens d = d  // from d
        // then
        |> e(1)
        |> f  // last
      when a {
        x = y
      } else {
        // before else
        x = z
      }
      /// Not documentation of what follows.

      /// nor that

      let z = [  /// nor this
        1,
      ][0]
      repeat 2 {  // loop
        // only this
      }  // after the loop
      // the end
    }  // after

    // and more
    block b(  // params
      a,  // first
      b = 2,
    ) {}

    // the very end
    ");
}

#[test]
fn items_and_blank_lines() {
    insta::assert_snapshot!(formatted("\n\nuse \"a.zorro\";use \"b.zorro\"\nmodel m {}\nblock b() {\n\n\n  x = a;\n\n\n\n  x = b\n  x = c\n\n}\n\n\n"), @r#"
    use "a.zorro"
    use "b.zorro"

    model m {}

    block b() {
      x = a

      x = b
      x = c
    }
    "#);
}
