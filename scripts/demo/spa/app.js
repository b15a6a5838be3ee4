// The library comes as a classic script of its own, so that it is served as it is in node_modules.
const { UserManager } = globalThis.oidc

const element = (id) => document.getElementById(id)

/** Says in one line how things stand; a failure looks like one. */
function say(text, isProblem = false) {
  element('status').textContent = text
  element('status').classList.toggle('problem', isProblem)
}

/** The server's own words where it sent any. */
const wordsOf = (error) =>
  error.error ? `${error.error}: ${error.error_description ?? 'no reason given'}` : error.message

/** Replaces the rows of a table; `textContent` keeps whatever they hold from becoming markup. */
function fillTable(id, rows, headings = 0) {
  const filled = rows.map((cells) => {
    const row = document.createElement('tr')
    cells.forEach((text, index) => {
      const cell = document.createElement(index < headings ? 'th' : 'td')
      cell.textContent = text
      row.append(cell)
    })
    return row
  })
  element(id).tBodies[0].replaceChildren(...filled)
}

async function createManager() {
  const { authority, clientId, redirectUri, scope, apiUrl } = await (await fetch('settings.json')).json()
  const manager = new UserManager({
    authority,
    client_id: clientId,
    redirect_uri: redirectUri,
    post_logout_redirect_uri: redirectUri,
    scope,
    loadUserInfo: true,
    automaticSilentRenew: false,
  })
  return { manager, apiUrl }
}

/** Comes back from the server: finishes the sign-in, and takes the code out of the address bar and the history. */
async function finishSignIn(manager) {
  const parameters = new URLSearchParams(location.search)
  if (!parameters.has('code') && !parameters.has('error')) return
  try {
    await manager.signinRedirectCallback()
  } finally {
    history.replaceState(undefined, '', location.pathname)
  }
}

async function readCustomers(apiUrl, accessToken) {
  const answer = await fetch(apiUrl, { headers: { authorization: `Bearer ${accessToken}` } })
  const body = await answer.json()
  if (answer.ok) return body.value
  const refusal = new Error(`The API said ${answer.status}. ${body.error.code}: ${body.error.message}`)
  throw Object.assign(refusal, { isSignedOut: answer.status === 401 })
}

function showSignedOut(why = '') {
  for (const id of ['sign-out', 'identity', 'data']) element(id).hidden = true
  element('sign-in').hidden = false
  say(`You are signed out.${why}`)
}

/** A sign-out anywhere ends the access token, and with it what this page shows. */
async function showSignedIn(manager, user, apiUrl) {
  try {
    await showAll(user, apiUrl)
  } catch (error) {
    if (!error.isSignedOut) throw error
    await manager.removeUser()
    showSignedOut(' Your session ended at the identity server, in another app or there.')
  }
}

async function showAll({ profile, access_token: accessToken }, apiUrl) {
  element('sign-out').hidden = false
  element('identity').hidden = false
  const claims = Object.entries(profile)
  const cells = claims.map(([name, value]) => [name, typeof value === 'string' ? value : JSON.stringify(value)])
  fillTable('claims', cells, 1)
  const customers = await readCustomers(apiUrl, accessToken)
  const rows = customers.map((row) => [row.Number, row.Name, row.City, row.Country])
  fillTable('customers', rows)
  element('data').hidden = false
  say(`Signed in as ${profile.name ?? profile.sub}.`)
}

/** Shows a failure instead of losing it, and lets the person try again. */
async function orSay(work) {
  try {
    await work()
  } catch (error) {
    say(wordsOf(error), true)
    element('sign-in').hidden = !element('sign-out').hidden
  }
}

await orSay(async () => {
  const { manager, apiUrl } = await createManager()
  element('sign-in').addEventListener('click', () => orSay(() => manager.signinRedirect()))
  element('sign-out').addEventListener('click', () => orSay(() => manager.signoutRedirect()))
  await finishSignIn(manager)
  const show = async () => {
    const user = await manager.getUser()
    if (user !== null && !user.expired) return showSignedIn(manager, user, apiUrl)
    // Why somebody is signed out stays on the page.
    if (element('sign-in').hidden) showSignedOut()
  }
  // One after the other: coming back to a tab makes it visible and focuses it.
  let shown = show()
  const showAgain = () => {
    shown = shown.then(() => orSay(show))
  }
  await shown
  // Whoever comes back to this tab, or to its window beside another, may have signed out there.
  document.addEventListener('visibilitychange', () => document.visibilityState === 'visible' && showAgain())
  window.addEventListener('focus', showAgain)
})
