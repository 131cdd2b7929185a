//! The people of the town and what they publish at length. Words only.

use super::texts::{Article, Person};

macro_rules! people {
    ($(($name:literal, $handle:literal, $topic:literal, $about:literal)),* $(,)?) => {
        &[$(Person { name: $name, handle: $handle, topic: $topic, about: $about }),*]
    };
}

pub const PEOPLE: &[Person] = people![
    (
        "Marta Lindqvist",
        "marta",
        0,
        "Skipper of the morning boat. Opinions about rope."
    ),
    (
        "Joao Ferreira",
        "joao",
        0,
        "Deckhand, learning. Formerly a very seasick accountant."
    ),
    (
        "Old Pete",
        "oldpete",
        0,
        "Harbourmaster, retired twice. The tide table in human form."
    ),
    (
        "Ingrid Moe",
        "ingridm",
        0,
        "Marine engineer. If it hums at 50 Hz I will find it ⚙️"
    ),
    ("Callum Reid", "callum", 0, "Lifeboat volunteer and terrible baker."),
    (
        "Agnes O'Dowd",
        "agnes",
        8,
        "Fiddle, forty years. The session starts when I sit down."
    ),
    (
        "Tomasz Zielinski",
        "tomasz",
        8,
        "Accordion player. I am sorry, and also I am not."
    ),
    (
        "Bea Nakamura",
        "bea",
        8,
        "Choir, mandolin, and a cat who disapproves of both."
    ),
    ("Lucien Marchand", "lucien", 8, "Sound recordist. Collecting foghorns."),
    ("Esi Boateng", "esi", 8, "Teaches music at the island school 🎶"),
    (
        "Nora Castellan",
        "nora",
        1,
        "Plot 14. Slug pacifist, recently reconsidering."
    ),
    (
        "Harald Brandt",
        "harald",
        1,
        "Apples, old varieties. Ask me about canker, or better don't."
    ),
    ("Wen Li", "wenli", 1, "Seed saver. My fridge is mostly envelopes."),
    ("Rosalind Hay", "rosalind", 1, "Botanist by day, weeder by evening."),
    (
        "Samir Haddad",
        "samir",
        1,
        "Growing things in buckets on a houseboat roof."
    ),
    (
        "Greta Vogel",
        "greta",
        2,
        "Bakery on Cooper's Quay, open from five. Rye is a lifestyle."
    ),
    ("Idris Bell", "idris", 2, "Home baker with a shared oven and no shame."),
    (
        "Paulina Duarte",
        "paulina",
        2,
        "Pastry. Butter is a structural material."
    ),
    ("Emil Sandberg", "emil", 2, "Miller. Stone, water, patience."),
    (
        "Fatou Diallo",
        "fatou",
        2,
        "Market stall, Saturdays. The flatbread goes first."
    ),
    (
        "Jonas Aalto",
        "jonas",
        3,
        "Warden at the salt meadows. Please shut the gate."
    ),
    (
        "Philippa Crane",
        "pippa",
        3,
        "Yes, that is really my name. Waders mostly."
    ),
    ("Yusuf Demir", "yusuf", 3, "Sound recordings of small brown birds."),
    ("Hanne Vik", "hanne", 3, "Ringer, counter, early riser 🐦"),
    (
        "Dougal Frame",
        "dougal",
        3,
        "Photographs of where the bird was a second ago."
    ),
    (
        "Sofia Rinaldi",
        "sofia",
        4,
        "Cargo bike courier. I have carried a tuba."
    ),
    ("Kees de Wit", "kees", 4, "Wheel builder. Thirty-two spokes or nothing."),
    ("Amara Okafor", "amara", 4, "Slow rides, long lunches."),
    (
        "Ben Tully",
        "bentully",
        4,
        "Commutes by ferry and folding bike. Always slightly damp."
    ),
    (
        "Leonie Hart",
        "leonie",
        4,
        "Mechanic at the community workshop, she/her 🔧"
    ),
    (
        "Viktor Hale",
        "viktor",
        5,
        "QRP only. Five watts ought to be enough for anybody."
    ),
    ("Mireille Caron", "mireille", 5, "Antennas from garden waste."),
    (
        "Desmond Achebe",
        "desmond",
        5,
        "Runs the tide sensors. Solder burns on request."
    ),
    (
        "Kirsten Lowe",
        "kirsten",
        5,
        "Satellite passes, cold nights, good flask."
    ),
    (
        "Raj Patel",
        "raj",
        5,
        "Teaching kids that radio is magic you can explain."
    ),
    ("Alba Serrano", "alba", 6, "Writes software nobody notices, on purpose."),
    (
        "Finn Oakley",
        "finn",
        6,
        "Keys, not accounts. Runs a small relay in a cupboard."
    ),
    (
        "Chiara Bianchi",
        "chiara",
        6,
        "Accessibility first. Your grey text is too grey."
    ),
    (
        "Mohammed Rahimi",
        "mo",
        6,
        "Compilers, coffee, chess, in alphabetical order."
    ),
    (
        "Tess Holloway",
        "tess",
        6,
        "Maintains three libraries you use and one you should."
    ),
    ("Ravn", "ravn", 6, "Pseudonymous since before it was fashionable."),
    (
        "Edith Marlow",
        "edith",
        7,
        "Town librarian. Whispering is optional, kindness is not."
    ),
    (
        "Owen Pryce",
        "owen",
        7,
        "Reads on boats. Writes reviews of two sentences."
    ),
    (
        "Noor Aziz",
        "noor",
        7,
        "Translator. There is no such thing as a small word."
    ),
    (
        "Birgit Solberg",
        "birgit",
        7,
        "Drives the mobile library. Horn broken, spirit intact 📚"
    ),
    ("Gideon Frost", "gideon", 7, "Second-hand books and first-rate dust."),
    (
        "Thea Winter",
        "thea",
        9,
        "Weather observer since 1998. It was colder then."
    ),
    ("Mateus Rocha", "mateus", 9, "Night-sky photographer, day-time sleeper."),
    (
        "Una Gallagher",
        "una",
        9,
        "Lives under the lighthouse. Yes, one gets used to it."
    ),
    ("Piet Hofman", "piet", 9, "Clouds. Just clouds."),
    (
        "Olga Petrova",
        "olga",
        10,
        "Repair café on Saturdays. Bring the screws too."
    ),
    ("Stan Whitlock", "stan", 10, "Clocks and other stubborn things."),
    (
        "Lena Fischer",
        "lena",
        10,
        "Visible mending. Your jumper deserves a second verse."
    ),
    (
        "Abebe Tadesse",
        "abebe",
        10,
        "Electronics teacher. The magic smoke stays in."
    ),
    (
        "Dora Quill",
        "dora",
        10,
        "Letterpress, typewriters, ink under the nails."
    ),
    ("Maeve Kinsella", "maeve", 11, "Swims every day. Every day 🌊"),
    (
        "Anders Holm",
        "anders",
        11,
        "Sauna trailer keeper. Towels not included."
    ),
    (
        "Priya Raman",
        "priya",
        11,
        "GP and sea swimmer. Warm up slowly, people."
    ),
    ("Colm Byrne", "colm", 11, "Came for the sunrise, stayed for the soup."),
    (
        "Juno Vale",
        "juno",
        11,
        "Marine biology student. I will talk about kelp."
    ),
];

pub const ARTICLES: &[Article] = &[
    Article {
        title: "How to read a tide table",
        slug: "how-to-read-a-tide-table",
        summary: "Four columns, one rule, and why the pier is sometimes under water.",
        topic: 0,
        body: "A tide table looks like a bus timetable written by the moon. It has only **four columns**: the day, the time, the height, and a letter for high or low.\n\n\
## The rule of twelfths\n\nBetween low and high water the sea does not rise evenly. In the six hours it rises by:\n\n\
| hour | part of the range |\n|---|---|\n| 1 | 1/12 |\n| 2 | 2/12 |\n| 3 | 3/12 |\n| 4 | 3/12 |\n| 5 | 2/12 |\n| 6 | 1/12 |\n\n\
So the middle two hours bring *half of all the water*. That is when the ramp gets steep and people drop things.\n\n\
## Before you go out\n\n1. Look up low water.\n2. Add an hour in summer.\n3. Ask Old Pete anyway.\n\n> The table tells you when. The wind tells you how much.",
    },
    Article {
        title: "Night boat, notes from the wheelhouse",
        slug: "night-boat",
        summary: "What one sees on the last crossing of the year.",
        topic: 0,
        body: "The last boat of the year left at 21:40 with eleven people, two dogs and a wardrobe.\n\n\
Half way over I switch off the deck lights, as I have done every year. It takes a minute until the eyes believe it. Then there are **more stars than dark**.\n\n\
---\n\nNobody spoke. One of the dogs sighed. When the lights of the island came up behind Gull Point, somebody said *oh, already*, and I knew exactly what was meant.\n\n\
Safe winter, everyone. First boat at 06:10.",
    },
    Article {
        title: "Seaweed on the beds: what three years taught me",
        slug: "seaweed-on-the-beds",
        summary: "Free, salty and worth the smell.",
        topic: 1,
        body: "Every autumn I carry about thirty buckets of seaweed up from the cove. People ask three questions.\n\n\
### Does the salt hurt?\n\nNot here. Rain washes it out by spring. I do not use it on seedlings.\n\n### Which kind?\n\n- **Bladderwrack** rots in weeks.\n- **Kelp** takes until May.\n- Leave what still holds on to a rock: it is alive.\n\n\
### Is it worth it?\n\nThe beds with seaweed gave a third more potatoes, and the slugs went next door. *Sorry, next door.*",
    },
    Article {
        title: "A rye loaf for people without time",
        slug: "rye-without-time",
        summary: "Ten minutes of work, spread over a day.",
        topic: 2,
        body: "You need a jar of starter, a tin, and a job to go to.\n\n\
**Evening.** Stir together:\n\n- 100 g starter\n- 300 g rye flour\n- 320 g water, lukewarm\n\n**Morning.** Add 150 g rye flour, 9 g salt, a spoon of treacle. Into the tin, smooth with a wet hand.\n\n\
**When you come home.** It has risen by half. Bake at 230 °C for 15 minutes, then at 190 °C for 45.\n\nNow the hard part:\n\n> Do not cut it until tomorrow.\n\nNobody in this town has ever managed that.",
    },
    Article {
        title: "Counting knots",
        slug: "counting-knots",
        summary: "How to count a flock that will not hold still.",
        topic: 3,
        body: "Ten thousand birds turn at once and somebody beside you says \"about nine thousand eight hundred\". How?\n\n\
1. Count **ten**. Really count them.\n2. Feel how big ten is, against the sky.\n3. Lay that patch over a hundred, then a thousand.\n4. Write down the number *before* you say it.\n\n\
We are usually wrong by a fifth, and always in the same direction, so the trend holds. That is all that science asks for.\n\nThe high-tide roost is best seen from the new hide. Please stay on the boards.",
    },
    Article {
        title: "The island loop, by bike, slowly",
        slug: "island-loop-slowly",
        summary: "28 km, two climbs, three places for cake.",
        topic: 4,
        body: "Take the 09:20 boat. Turn **left** off the ramp: the wind is then behind you on the way home, when it counts.\n\n\
* km 0: the ramp\n* km 6: Half Moon Cove, good for a swim\n* km 11: the long climb, walk it, we all do\n* km 14: the chapel, and *the first cake*\n* km 21: sheep with right of way\n* km 28: the ramp again, and the second cake\n\n\
Carry a tube, a coat and some coins. There is no signal between 9 and 17, which is rather the point.",
    },
    Article {
        title: "A receiver for the price of lunch",
        slug: "receiver-for-the-price-of-lunch",
        summary: "Five parts, one wire, and the first voice from far away.",
        topic: 5,
        body: "With the club's youngest members we built this on a piece of driftwood:\n\n\
```text\nwire ---||---+---|>|---+--- earphone\n             |         |\n            coil      cap\n             |         |\nearth -------+---------+\n```\n\n\
The coil has 60 turns on a jam jar. **No battery.** What you hear in the earphone is powered by the station itself.\n\nAt dusk, when the medium wave opens, there was a voice in a language none of us knew. Nobody wanted to go home.",
    },
    Article {
        title: "Your notes outlive your app",
        slug: "your-notes-outlive-your-app",
        summary: "Explained with a harbour, because everything here is.",
        topic: 6,
        body: "A friend asked me what a *relay* is. I said: think of harbours.\n\n\
Your note is a boat with **your seal** on its bow. Any harbour may take it in. None can repaint it, since the seal would break. If one harbour closes, the boat lies in others.\n\n\
- Lose an app: take another, your boats are still there.\n- Dislike a harbour: sail elsewhere.\n- Lose your seal: that is the one thing nobody can give back.\n\n\
So keep your key as you would keep the key to your house, and send your notes to more than one place. The rest is seamanship.",
    },
    Article {
        title: "Twelve books for a long crossing",
        slug: "twelve-books-for-a-long-crossing",
        summary: "From the mobile library's most worn shelf.",
        topic: 7,
        body: "Chosen by how salty the pages are.\n\n\
1. *The Summer Book*, for short crossings and long lives\n2. *Moby-Dick*, skip nothing\n3. *A Wizard of Earthsea*, read it aloud\n4. *The Shipping News*\n5. *The Outrun*\n6. *Piranesi*, best in fog\n\n\
The other six are **yours to name**: answer this and I will put the six with the most votes on the shelf by the door.",
    },
    Article {
        title: "Session manners",
        slug: "session-manners",
        summary: "There are no rules, and these are they.",
        topic: 8,
        body: "- Listen a whole tune before you join in.\n- Tune up *outside*.\n- One drum is plenty.\n- If you know a tune that nobody knows, start it anyway, twice.\n- Applause is not needed, but cake is.\n\n\
And if a child wants to start a tune, everybody stops talking. **Everybody.** Some of us began like that.",
    },
    Article {
        title: "Why your toaster died",
        slug: "why-your-toaster-died",
        summary: "Statistics from one hundred Saturdays.",
        topic: 10,
        body: "We have kept a log since the repair café opened. Of 640 broken things:\n\n\
| cause | share |\n|---|---|\n| a fuse or a cable | 38 % |\n| dirt and crumbs | 21 % |\n| a switch | 14 % |\n| really broken | 27 % |\n\n\
So nearly **three in four** could be saved with patience and a screwdriver. Unplug it first. Then take a picture before each screw you undo.\n\n~~Throw it away~~ Bring it on Saturday.",
    },
    Article {
        title: "Cold water, warm advice",
        slug: "cold-water-warm-advice",
        summary: "How to start, and when to stop.",
        topic: 11,
        body: "I am a doctor and I swim all winter. Both of these people want to tell you something.\n\n\
**Getting in.** Slowly, breathing out. The gasp passes after a minute or two; stay where you can stand until then.\n\n**Staying in.** One minute a degree is *more* than enough. Get out while you still feel brilliant.\n\n\
**Afterwards.** You go on cooling for half an hour. Dress at once, top first. Warm drink, hat, no hot shower, no driving.\n\nAnd never alone.",
    },
];
