import { Router } from 'express';
import { findSession } from './session';
import type { Sandbox } from '../sandbox';
import { html } from './html';
import { sendPage } from './layout';

/** Says what this is to whoever opens its address. */
export function indexRouter(sandbox: Sandbox): Router {
  const router = Router();
  router.get('/', (req, res) => {
    const { state } = sandbox;
    const session = findSession(sandbox, req);
    sendPage(
      res,
      200,
      'A UPS to develop against',
      html`
        <p>
          This server behaves like the parts of UPS that upslink talks to: OAuth with an authorization code, refresh,
          and rating. Nothing here reaches UPS.
        </p>
        <ul>
          <li><a href="/accounts-and-payment">Accounts and Payment</a>: the accounts of a UPS profile</li>
          <li><a href="/sandbox/ledger">Ledger</a>: every request that came, and the rules it broke</li>
          <li><a href="/sandbox/settings">Settings</a>: how long tokens and codes live</li>
        </ul>
        <p>
          ${state.profiles.size} profiles, ${state.grants.size} grants, ${state.uses.length} requests so far.
          ${session ? html`This browser is logged in as <strong>${session.profile.username}</strong>.` : null}
        </p>
      `,
    );
  });
  return router;
}
