// Answers an app that frames this page: unchanged, changed or error. OpenID Connect Session Management 1.0, section 3.2.
// Hashes by itself, so that it works wherever a page can be framed.
function constants() {
  const fraction = (root) => ((root - Math.floor(root)) * 4294967296) | 0
  const primes = []
  for (let n = 2; primes.length < 64; n++) if (primes.every((prime) => n % prime !== 0)) primes.push(n)
  return {
    start: primes.slice(0, 8).map((n) => fraction(Math.sqrt(n))),
    rounds: primes.map((n) => fraction(Math.cbrt(n))),
  }
}

function sha256(text) {
  const { start, rounds } = constants()
  const rotate = (word, by) => (word >>> by) | (word << (32 - by))
  const length = ((text.length + 8) >> 6) + 1
  const words = new Array(length * 16).fill(0)
  for (let i = 0; i < text.length; i++) words[i >> 2] |= text.charCodeAt(i) << (24 - (i % 4) * 8)
  words[text.length >> 2] |= 0x80 << (24 - (text.length % 4) * 8)
  words[words.length - 1] = text.length * 8
  const hash = start.slice()
  for (let block = 0; block < words.length; block += 16) {
    const w = words.slice(block, block + 16)
    for (let i = 16; i < 64; i++) {
      const s0 = rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^ (w[i - 15] >>> 3)
      const s1 = rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^ (w[i - 2] >>> 10)
      w[i] = (w[i - 16] + s0 + w[i - 7] + s1) | 0
    }
    let [a, b, c, d, e, f, g, h] = hash
    for (let i = 0; i < 64; i++) {
      const s1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)
      const one = (h + s1 + ((e & f) ^ (~e & g)) + rounds[i] + w[i]) | 0
      const s0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)
      const two = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0
      h = g
      g = f
      f = e
      e = (d + one) | 0
      d = c
      c = b
      b = a
      a = (one + two) | 0
    }
    const next = [a, b, c, d, e, f, g, h]
    for (let i = 0; i < 8; i++) hash[i] = (hash[i] + next[i]) | 0
  }
  let bytes = ''
  for (let i = 0; i < 32; i++) bytes += String.fromCharCode((hash[i >> 2] >>> (24 - (i % 4) * 8)) & 255)
  return btoa(bytes).replace(/\+/g, '-').replace(/\//g, '_').replace(/=/g, '')
}

function browserState() {
  const name = `${document.documentElement.getAttribute('data-cookie')}=`
  const found = document.cookie.split('; ').find((cookie) => cookie.startsWith(name))
  return found === undefined ? '' : found.slice(name.length)
}

function stateOf(message, origin) {
  const parts = /^([\x21-\x7e]+) ([\w-]{43})\.([\w-]{1,64})$/.exec(message)
  if (typeof message !== 'string' || !parts) return 'error'
  return sha256(`${parts[1]} ${origin} ${browserState()} ${parts[3]}`) === parts[2] ? 'unchanged' : 'changed'
}

window.addEventListener('message', (event) => {
  if (event.source && event.origin !== 'null') event.source.postMessage(stateOf(event.data, event.origin), event.origin)
})
