/** A row of the entity set that the demo's API serves. */
export interface Customer {
  readonly Id: number
  readonly Number: string
  readonly Name: string
  readonly City: string
  readonly Country: string
  readonly Phone: string
}

/** What an app may change with the scope `update`. */
export const CHANGEABLE = ['Name', 'City', 'Country', 'Phone'] as const

/** Fresh rows for one run; changes last until the demo stops. */
export const newCustomers = (): Customer[] => [
  {
    Id: 1,
    Number: 'C-1001',
    Name: 'Alpenblick Optik',
    City: 'Innsbruck',
    Country: 'Austria',
    Phone: '+43 512 555 0101',
  },
  { Id: 2, Number: 'C-1002', Name: 'Bergamo Ceramics', City: 'Bergamo', Country: 'Italy', Phone: '+39 035 555 0102' },
  {
    Id: 3,
    Number: 'C-1003',
    Name: 'Черно море Логистика',
    City: 'Varna',
    Country: 'Bulgaria',
    Phone: '+359 52 555 0103',
  },
  { Id: 4, Number: 'C-1004', Name: 'Dunmore & Sons', City: 'Cork', Country: 'Ireland', Phone: '+353 21 555 0104' },
  {
    Id: 5,
    Number: 'C-1005',
    Name: 'Elbe Maschinenbau',
    City: 'Dresden',
    Country: 'Germany',
    Phone: '+49 351 555 0105',
  },
  { Id: 6, Number: 'C-1006', Name: 'Fjordfisk', City: 'Bergen', Country: 'Norway', Phone: '+47 55 55 01 06' },
  { Id: 7, Number: 'C-1007', Name: 'Granada Solar', City: 'Granada', Country: 'Spain', Phone: '+34 958 555 107' },
  {
    Id: 8,
    Number: 'C-1008',
    Name: 'Hillside Books',
    City: 'Bristol',
    Country: 'United Kingdom',
    Phone: '+44 117 555 0108',
  },
  { Id: 9, Number: 'C-1009', Name: "L'Atelier du Pain", City: 'Lyon', Country: 'France', Phone: '+33 4 55 55 01 09' },
  { Id: 10, Number: 'C-1010', Name: 'Morava Glass', City: 'Brno', Country: 'Czechia', Phone: '+420 555 010 110' },
  { Id: 11, Number: 'C-1011', Name: 'Nordlys Design', City: 'Tromsø', Country: 'Norway', Phone: '+47 77 55 01 11' },
  { Id: 12, Number: 'C-1012', Name: 'Rila Outdoor', City: 'Sofia', Country: 'Bulgaria', Phone: '+359 2 555 0112' },
]
