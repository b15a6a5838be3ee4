import { spelledPassword } from '../../lib/text/password-spelling.ts'

/** What people take most often, without the digits and signs they add. From what has leaked, again and again. */
const WORDS = new Set(
  `password passwort passwd pass passcode passphrase passw contraseña contrasena motdepasse senha parola wachtwoord haslo lozinka salasana jelszo
парола пароль sifre admin administrator administrador root user username guest test tester testing testuser demo temp temporary default changeme
change changeit changeme letmein letmeinn welcome welkom willkommen bienvenue bienvenido hello helloworld hallo hola bonjour login logon signin
signup secret secrets secure security geheim supersecret topsecret master masterkey access account server system network internet computer
laptop windows microsoft linux ubuntu google gmail yahoo hotmail outlook facebook instagram twitter youtube tiktok whatsapp telegram android
samsung iphone apple macbook nokia motorola sony playstation xbox nintendo pokemon pikachu minecraft fortnite roblox counterstrike
callofduty starcraft warcraft zelda mario sonic matrix neo trinity morpheus starwars startrek skywalker darthvader yoda hobbit gandalf frodo
harrypotter hogwarts batman superman spiderman ironman avengers joker robin thor wolverine hulk godzilla dragon dragonball dragonfly naruto
goku vegeta sasuke itachi monkey gorilla tiger tigger lion leopard panther eagle falcon hawk phoenix wolf bear panda dolphin shark whale
horse unicorn butterfly ladybug spider snake python cobra viper scorpion rabbit bunny kitty kitten cat cats dog dogs puppy doggie hund katze
fish turtle frog duck chicken cow pig sheep elephant giraffe zebra princess prince queen king knight wizard ninja samurai pirate warrior
hunter killer shadow ghost vampire zombie angel angels devil satan lucifer heaven hell god jesus jesuschrist christ allah buddha faith hope
love lovely lover loveme loveyou iloveyou iloveu ilovegod ilovehim ilovemyself teamo tequiero jetaime amor amour liebe ichliebedich
heart sweetheart sweetie sweet honey baby babygirl babyboy babe darling beautiful beauty gorgeous pretty sexy sexygirl cutie cute
sunshine sunflower sun moon moonlight star stars starlight sky bluesky rainbow summer sommer winter spring autumn fall herbst verano
january february march april may june july august september october november december januar februar marz mai juni juli oktober dezember
monday tuesday wednesday thursday friday saturday sunday montag dienstag mittwoch donnerstag freitag samstag sonntag
christmas weihnachten easter halloween birthday holiday vacation weekend flower flowers rose roses lily daisy jasmine orchid tulip
orange banana apple cherry strawberry peach lemon melon mango coconut pineapple cookie cookies chocolate schokolade candy sugar
cheese pizza burger bacon butter pepper ginger cinnamon vanilla coffee kaffee beer bier wine whiskey vodka tequila corona heineken
football fussball soccer baseball basketball hockey tennis golf golfer rugby cricket boxing swimming running fishing skate surfing
liverpool arsenal chelsea barcelona realmadrid juventus milan bayern dortmund schalke celtic rangers everton manchester manutd
ronaldo messi neymar maradona zidane pele beckham gerrard rooney jordan kobe lebron lakers yankees cowboys steelers patriots packers
eagles broncos raiders redsox dodgers mustang ferrari porsche mercedes bmw audi volkswagen toyota honda nissan mazda ford chevy
chevrolet corvette camaro dodge jeep harley yamaha kawasaki suzuki ducati tesla
london paris berlin hamburg munich muenchen vienna wien zurich madrid lisbon lisboa roma rome milano moscow moskva sofia bulgaria
germany deutschland austria schweiz england scotland ireland france spain espana italia italy greece poland polska russia ukraine turkey
istanbul america brasil brazil mexico canada california texas florida chicago boston newyork dallas denver houston phoenix
india pakistan china japan tokyo korea singapore australia sydney africa nigeria egypt israel
michael michelle jennifer jessica ashley amanda daniel daniela david andrew anthony matthew joshua james robert john johnny johnson william
williams richard charles charlie thomas george christopher christian christina christine joseph joe jose juan carlos pedro pablo antonio
alejandro alexander alexandra alexandre alexis alex sandra andrea andreas nicole natalie natasha natalia victoria veronica vanessa samantha
samuel sarah sara rebecca rachel raphael patrick patricia peter paul pauline oliver olivia nicholas nikolaus nathan natalya martin martina
maria marie marina mario mark marcus markus lucas lukas laura lauren kevin karen katherine julia julian justin jonathan jordan jason
jasmin jacob isabella isabel ivan ivanov henry heather hannah gabriel gabriela georgi fernando felix eric erik emma emily elizabeth edward
dominic dimitar diana dennis daniella cristina claudia brandon benjamin barbara austin arthur anna annika angela angelina amelia adrian
aaron abigail maggie max buster bailey rocky lucky molly sophie sophia sadie chloe zoe bella coco buddy jack jackson jake
samson simba oscar milo toby shadow smokey sparky scooter ginger pepper precious peanut pumpkin snoopy garfield mickey minnie
donald winnie pooh tinkerbell cinderella barbie hellokitty spongebob patrick simpsons homer bart scooby
metallica nirvana slipknot eminem beyonce rihanna shakira madonna michaeljackson elvis beatles queen acdc ironmaiden blink linkinpark
greenday coldplay onedirection justinbieber music musica guitar piano drummer trumpet rockstar rocknroll rock metal punk hiphop
freedom liberty peace victory winner success money dollar million millionaire rich diamond diamonds gold golden silver crystal platinum
purple yellow green blue black white red pink blackcat blackbird bluebird redhead red123 greenday silver orange
family familia familie mother mommy mama mutter father daddy papa vater brother bruder sister schwester friend friends bestfriend freund
forever always never nothing something whatever anything everything someone nobody trustno trustme believe destiny
power powerful thunder lightning storm hurricane tornado fire firefly fireman ice iceman water ocean river mountain island forest desert
cheyenne dakota cheyanne savannah sierra montana denver hawaii aloha bamboo ranger trooper soldier marine army navy airforce police
doctor nurse teacher student school college university engineer manager boss office company business work arbeit firma sales marketing
support service services helpdesk info contact office mail email website database mysql oracle postgres postgresql sqlserver tomcat jboss
cisco router switch firewall vpn wifi wireless hacker hacked hack cracker blahblah blah foobar foo bar baz qux dummy sample example
asshole bitch bullshit fuck fucker fuckme fuckoff fuckyou motherfucker shit sexsex sex porn pussy dick bigdick cock penis horny naked
whatever nevermind nopassword nopass mypass mypassword mysecret thepassword yourpassword passwordpassword password1password enter entrar
openup opensesame abracadabra hocuspocus merlin magic magician mystery gameover gamer player playboy playgirl gangster thuglife
qwe qwer qwert qwerty qwertz qwertyui qwertyuiop azerty asd asdf asdfg asdfgh asdfghj asdfghjk asdfghjkl zxc zxcv zxcvb zxcvbn zxcvbnm
qweasd qweasdzxc asdqwe asdasd asdzxc zxcasdqwe qazwsx qazwsxedc wsxedc edcrfv qazxsw poiuy poiuyt poiuytrewq lkjhgf lkjhgfdsa mnbvcxz
йцукен йцукенг фыва фывапрол привет любовь abc abcd abcde abcdef abcdefg abcdefgh xyz aaa xxx zzz ok
tessera erp erpnet identity oauth openid token sso iam keycloak portal intranet customer kunde kunden client partner user`.split(
    /\s+/,
  ),
)

/** Walks over the keyboard and other runs that need no word. */
const RUNS = [
  '01234567890123456789',
  'abcdefghijklmnopqrstuvwxyz',
  'qwertyuiop',
  'qwertzuiop',
  'azertyuiop',
  'asdfghjkl',
  'zxcvbnm',
  'yxcvbnm',
  '1q2w3e4r5t6y7u8i9o0p',
  'q1w2e3r4t5y6u7i8o9p0',
  '1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p',
  'zaq1xsw2cde3vfr4bgt5nhy6mju7',
  'zaq12wsxcde34rfv',
  'qazwsxedcrfvtgbyhnujmikolp',
  'a1b2c3d4e5f6g7h8i9j0',
  '!@#$%^&*()_+',
].flatMap((run) => [run, [...run].reverse().join('')])

// Signs and digits that people add before or after a word.
const MOST_ADDED = 6
const LEET: Readonly<Record<string, string>> = {
  '0': 'o',
  '3': 'e',
  '4': 'a',
  '5': 's',
  '7': 't',
  '8': 'b',
  '9': 'g',
  '@': 'a',
  $: 's',
  '+': 't',
}

/** Whether a text in lower case is on a list of passwords that have leaked. */
export type IsListed = (text: string) => boolean

/**
 * Says whether a password is among those that are tried first: what is on a list, common words with digits and signs added or in place of letters,
 * runs of the keyboard, repetitions and dates.
 * @see NIST SP 800-63B §5.1.1.2, OWASP ASVS 5.0 6.2.4
 */
export function isCommonPassword(password: string, isListed: IsListed): boolean {
  const text = spelledPassword(password).toLowerCase()
  if (isDate(text)) return true
  const unit = unitOf(text)
  if (lengthOf(unit) <= 4 && unit.length < text.length) return true
  if ([text, unit].some((one) => isRun(one) || coresOf(one).some((core) => WORDS.has(core) || isRun(core)))) return true
  return isListed(text)
}

const lengthOf = (text: string): number => [...text].length

/** The shortest part that the text is a repetition of. */
function unitOf(text: string): string {
  const again = `${text}${text}`.indexOf(text, 1)
  return text.slice(0, again)
}

const isRun = (text: string): boolean => text.length >= 4 && RUNS.some((run) => run.includes(text))

/** A day such as 24121999, 1999-12-24 or 24.12.1999. */
const isDate = (text: string): boolean =>
  /^(19|20)\d{2}[-./ ]?[01]?\d[-./ ]?[0-3]?\d$/.test(text) || /^[0-3]?\d[-./ ]?[0-3]?\d[-./ ]?(19|20)\d{2}$/.test(text)

/** What is left of a text without what was added, with letters in place of the digits and signs that look like them. */
function coresOf(text: string): string[] {
  const letters = text.replace(/^[^\p{L}@$]+|(?<![^\p{L}@$])[^\p{L}@$]+$/gu, '')
  const bare = text.replace(/^[^\p{L}]+|(?<![^\p{L}])[^\p{L}]+$/gu, '')
  const kept = [text, letters, bare].filter((core) => core !== '' && lengthOf(text) - lengthOf(core) <= MOST_ADDED)
  return kept.flatMap((core) => {
    const folded = [...core].map((letter) => LEET[letter] ?? letter).join('')
    return [core, ...['i', 'l'].map((letter) => folded.replace(/[1!|]/g, letter))]
  })
}
