import {
  ActivityLogIcon,
  BarChartIcon,
  BellIcon,
  ChatBubbleIcon,
  ClockIcon,
  CheckCircledIcon,
  DashboardIcon,
  HeartIcon,
  IdCardIcon,
  LayersIcon,
  PaperPlaneIcon,
  ReaderIcon,
  RocketIcon,
  TokensIcon,
} from '@radix-ui/react-icons';
import type { ComponentType } from 'react';
import type { Rights } from '../data/signed-in.ts';

/** A page in the navigation. */
export interface PageEntry {
  readonly path:
    | '/'
    | '/runs'
    | '/sessions'
    | '/approvals'
    | '/try'
    | '/queues'
    | '/schedules'
    | '/alerts'
    | '/costs'
    | '/budgets'
    | '/webhooks'
    | '/audit'
    | '/keys'
    | '/health';
  readonly title: string;
  readonly icon: ComponentType;
  /** Key to press after `g`. */
  readonly key: string;
  /** Returns whether these rights list the page. */
  readonly isFor: (rights: Rights) => boolean;
}

const everybody = () => true;
const readers = ({ mayRead }: Rights) => mayRead;
const operators = ({ isOperator }: Rights) => isOperator;
const ownFigures = ({ isOperator, isBound, mayRead }: Rights) => isOperator || (isBound && mayRead);

/** Pages by group. */
export const PAGE_GROUPS: readonly { readonly title: string | null; readonly pages: readonly PageEntry[] }[] = [
  {
    title: null,
    pages: [
      { path: '/', title: 'Overview', icon: DashboardIcon, key: 'o', isFor: readers },
      { path: '/runs', title: 'Runs', icon: ActivityLogIcon, key: 'r', isFor: readers },
      { path: '/sessions', title: 'Sessions', icon: ChatBubbleIcon, key: 's', isFor: readers },
      {
        path: '/approvals',
        title: 'Approvals',
        icon: CheckCircledIcon,
        key: 'a',
        isFor: ({ mayApprove }) => mayApprove,
      },
      {
        path: '/try',
        title: 'Try it',
        icon: RocketIcon,
        key: 't',
        isFor: ({ mayWrite, mayRead }) => mayWrite && mayRead,
      },
    ],
  },
  {
    title: 'Operate',
    pages: [
      {
        path: '/queues',
        title: 'Queues and workers',
        icon: LayersIcon,
        key: 'q',
        isFor: ({ isOperator, mayRead, isBound }) => isOperator || (mayRead && !isBound),
      },
      { path: '/schedules', title: 'Schedules', icon: ClockIcon, key: 'd', isFor: readers },
      { path: '/alerts', title: 'Alerts', icon: BellIcon, key: 'l', isFor: operators },
      { path: '/health', title: 'Health', icon: HeartIcon, key: 'h', isFor: everybody },
    ],
  },
  {
    title: 'Money',
    pages: [
      { path: '/costs', title: 'Costs', icon: BarChartIcon, key: 'c', isFor: ownFigures },
      { path: '/budgets', title: 'Budgets', icon: TokensIcon, key: 'b', isFor: ownFigures },
    ],
  },
  {
    title: 'Administer',
    pages: [
      { path: '/webhooks', title: 'Webhooks', icon: PaperPlaneIcon, key: 'w', isFor: readers },
      { path: '/audit', title: 'Audit', icon: ReaderIcon, key: 'u', isFor: operators },
      { path: '/keys', title: 'Keys', icon: IdCardIcon, key: 'k', isFor: operators },
    ],
  },
];

export const PAGES: readonly PageEntry[] = PAGE_GROUPS.flatMap(({ pages }) => pages);
