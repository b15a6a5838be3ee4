import type { JWTPayload } from 'jose'
import type { Customer } from './customers.ts'
import type { CustomersAnswer } from './fetch-customers.ts'
import { type Html, html } from './html.ts'
import type { Failure } from './oauth-errors.ts'

type Claims = Readonly<Record<string, unknown>>

/** What the page of a signed-in person shows. */
export interface Overview {
  readonly idClaims: Claims
  readonly userInfo: Claims
  readonly accessTokenClaims: JWTPayload
  readonly answer: CustomersAnswer
  readonly canRefresh: boolean
}

const TIMES = ['iat', 'exp', 'nbf', 'auth_time', 'updated_at']

const time = (seconds: number): string =>
  new Date(seconds * 1000).toISOString().replace('T', ' ').replace('.000Z', ' UTC')

function show(name: string, value: unknown): string {
  if (TIMES.includes(name) && typeof value === 'number') return `${value} (${time(value)})`
  return typeof value === 'string' ? value : JSON.stringify(value)
}

const page = (content: Html, action: Html): string =>
  html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sales Desk</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/demo.css">
</head>
<body>
<header><a class="brand" href="/">Sales Desk</a>${action}</header>
<main>${content}</main>
<footer>A demo web app of Tessera. The server keeps the tokens; the browser holds a session cookie only.</footer>
</body>
</html>
`.html

const signInLink = (text: string): Html => html`<a id="sign-in" class="button" href="/sign-in">${text}</a>`

const claimTable = (caption: string, claims: Claims): Html => html`<table class="claims">
<caption>${caption}</caption>
<tbody>${Object.entries(claims).map(([name, value]) => html`<tr><th scope="row">${name}</th><td>${show(name, value)}</td></tr>`)}</tbody>
</table>`

const customerRow = ({ Number: number, Name, City, Country }: Customer): Html =>
  html`<tr><td>${number}</td><td>${Name}</td><td>${City}</td><td>${Country}</td></tr>`

const customerTable = ({ customers, problem, status }: CustomersAnswer): Html =>
  problem === undefined
    ? html`<table id="customers">
<caption>First ${customers.length} rows</caption>
<thead><tr><th scope="col">No.</th><th scope="col">Name</th><th scope="col">City</th><th scope="col">Country</th></tr></thead>
<tbody>${customers.map(customerRow)}</tbody>
</table>`
    : html`<p id="customers-problem" class="problem" role="alert">The API said ${status ?? 'nothing'}. ${problem}</p>`

const personOf = ({ idClaims, userInfo }: Overview): string =>
  [userInfo['name'], userInfo['preferred_username'], idClaims['sub']].find((name) => typeof name === 'string') ??
  'somebody'

/** The page of a visitor who has not signed in. */
export const welcomePage = (): string =>
  page(
    html`<section class="card hero">
<h1>Customers, where you need them</h1>
<p>Sign in with your company account. This app never sees your password: you type it at the identity server.</p>
${signInLink('Sign in')}
</section>`,
    html``,
  )

/** The page of a signed-in person: who they are, what the API gave, and what came with the tokens. */
export const overviewPage = (overview: Overview): string =>
  page(
    html`<h1>Hello, ${personOf(overview)}</h1>
<section class="card"><h2>Customers</h2>
<p>Read from the instance's API with your access token.</p>
<div class="scroll">${customerTable(overview.answer)}</div></section>
<section class="card"><h2>Access token</h2>
<p>Token id <code id="access-token-id">${overview.accessTokenClaims.jti ?? 'none'}</code>,
good until ${time(overview.accessTokenClaims.exp ?? 0)}.</p>
${overview.canRefresh ? html`<form method="post" action="/refresh"><button type="submit" id="refresh">Get a new one</button></form>` : html``}</section>
<section class="card" id="claims"><h2>What we were told about you</h2>
<div class="scroll">${claimTable('ID token', overview.idClaims)}${claimTable('Userinfo', overview.userInfo)}</div></section>
<section class="card"><details><summary>What the API sees (claims of the access token)</summary>
<div class="scroll">${claimTable('Access token', overview.accessTokenClaims)}</div></details></section>`,
    html`<form method="post" action="/sign-out"><button type="submit" id="sign-out" class="quiet">Sign out</button></form>`,
  )

/** The page of something that did not work, in the server's words. */
export const problemPage = ({ error, description }: Failure): string =>
  page(
    html`<section class="card"><h1>That didn’t work</h1>
<p class="problem" role="alert"><code id="error">${error}</code> <span id="error-description">${description}</span></p>
${signInLink('Sign in again')} <a class="button quiet" href="/">Back</a></section>`,
    html``,
  )
