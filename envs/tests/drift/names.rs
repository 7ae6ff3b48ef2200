//! The names of environments that change.

use super::*;

#[test]
fn names_say_everything_once_and_in_one_order() {
    let same = [
        ("CartPole-v1", "cartpole"),
        ("cartpole?length=0.50", "cartpole"),
        ("cartpole?max_steps=500", "cartpole"),
        (
            "cartpole?length=0.7&gravity=9",
            "cartpole?gravity=9&length=0.7",
        ),
        (
            "cartpole?drift=length:.5..1.50/shape=sine,period=9,rate=1",
            "cartpole?drift=length:0.5..1.5/period=9,shape=sine",
        ),
        (
            "acrobot?drift=actions/shape=step,period=9,rate=0.5&torque=2&max_steps=9",
            "acrobot?max_steps=9&torque=2&drift=actions/period=9,rate=0.5",
        ),
        (
            "cartpole?drift=length:0.5..1.5/shuffle=episode,period=9",
            "cartpole?drift=length:0.5..1.5/period=9,shape=sine,shuffle=episode",
        ),
        (
            "acrobot?drift=actions/period=9,shuffle=never",
            "acrobot?drift=actions/period=9",
        ),
        (
            "chain?shuffle=episode&every=7&of=cartpole|cartpole?length=1",
            "chain?every=7&shuffle=episode&of=cartpole|cartpole?length=1",
        ),
        (
            "chain?every=7&of=CartPole-v1|cartpole?max_steps=500&length=1.0&gravity=8",
            "chain?every=7&of=cartpole|cartpole?gravity=8&length=1",
        ),
    ];
    for (given, canonical) in same {
        assert_eq!(make(given).unwrap().spec().name, canonical);
        assert_eq!(make(canonical).unwrap().spec().name, canonical);
    }
}

#[test]
fn what_cannot_be_is_an_error_that_says_what_can() {
    let wrong = [
        ("cartpole?lenght=1", "did you mean `length`"),
        (
            "cartpole?length=-1",
            "length = -1 is not allowed; allowed: 0.01 <= x <= 10",
        ),
        (
            "cartpole?length=x",
            "length = x is not allowed; allowed: 0.01 <= x",
        ),
        ("cartpole?length=nan", "allowed: 0.01 <= x <= 10"),
        ("cartpole?length=1&length=2", "each key once"),
        (
            "cartpole?max_steps=0",
            "max_steps = 0 is not allowed; allowed: a whole number from 1",
        ),
        (
            "cartpole?reward=1e9",
            "reward = 1e9 is not allowed; allowed: -1000 <= x <= 1000",
        ),
        (
            "cartpole?drift=lenght:1..2/period=5",
            "did you mean `length`",
        ),
        (
            "cartpole?drift=length:1..2/period=5",
            "the start value 0.5 between them",
        ),
        (
            "cartpole?drift=length:0.5..20/period=5",
            "between 0.01 and 10",
        ),
        ("cartpole?drift=length:1.5..0.5/period=5", "LOW below HIGH"),
        ("cartpole?drift=length:0.5/period=5", "LOW..HIGH"),
        ("cartpole?drift=length:0.5..1", "a period in steps"),
        (
            "cartpole?drift=length:0.5..1/period=0",
            "drift length.period = 0 is not allowed; allowed: a whole number from 1",
        ),
        (
            "cartpole?drift=length:0.5..1/period=9,shape=zigzag",
            "step, ramp, sine or walk",
        ),
        (
            "cartpole?drift=length:0.5..1/period=9,rate=-1",
            "allowed: 0 <= x <= 1e9",
        ),
        (
            "cartpole?drift=length:0.5..1/period=9,rate=nan",
            "allowed: 0 <= x <= 1e9",
        ),
        (
            "cartpole?drift=length:0.5..1/period=9,speed=2",
            "allowed: period, shape, rate, shuffle",
        ),
        (
            "cartpole?drift=length:0.5..1/period=9,period=9",
            "each key once",
        ),
        ("cartpole?drift=", "unknown drift ``; allowed: gravity,"),
        ("cartpole?drift=actions:0..1/period=9", "no range"),
        (
            "cartpole?drift=actions/period=9,shape=sine",
            "allowed: step",
        ),
        (
            "cartpole?drift=length:0.5..1/period=9&drift=length:0.5..1/period=8",
            "each dial once",
        ),
        (
            "cartpole?length=2&drift=length:0.5..1/period=9",
            "the start value 2 between them",
        ),
        (
            "cartpole?drift=length:0.5..1/period=9,shuffle=step",
            "allowed: never or episode",
        ),
        (
            "chain?shuffle=all&of=cartpole|cartpole?length=1",
            "allowed: never or episode",
        ),
        ("chain?of=cartpole", "two environments or more"),
        ("chain?of=", "names of environments"),
        ("chain?of=cartpole|cartpol", "did you mean \"cartpole\""),
        ("chain?of=cartpole|acrobot", "2 actions, as cartpole has"),
        ("chain?of=cartpole|chain", "any environment but a chain"),
        (
            "chain?every=0&of=cartpole|cartpole",
            "chain: every = 0 is not allowed",
        ),
        ("carpole?length=1", "did you mean \"cartpole\""),
    ];
    for (name, part) in wrong {
        let message = make(name).err().expect(name).to_string();
        assert!(message.contains(part), "{name}: {message}");
    }
}
